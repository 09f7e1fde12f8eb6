package dev.millrace.ops.console;

import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.status.StatusSnapshot;
import dev.millrace.ops.status.WorkerRow;
import dev.millrace.schemas.WorkerStats;

import java.util.HashMap;
import java.util.Map;

/** Sums the workers' statistics up to the points of the charts. */
final class TokenRates {
    private final Map<String, WorkerStats> before = new HashMap<>();

    History.Point point(StatusSnapshot status, LagSnapshot lag) {
        double cachedRate = 0;
        long prompt = 0;
        long cached = 0;
        long kvUsed = 0;
        long kvTotal = 0;
        int running = 0;
        int waiting = 0;
        for (WorkerRow row : status.workers()) {
            WorkerStats now = row.stats();
            WorkerStats last = before.put(now.getWorkerId(), now);
            if (!row.isLive()) {
                continue;
            }
            running += now.getRunning();
            waiting += now.getWaiting();
            kvUsed += now.getKvBlocksUsed();
            kvTotal += now.getKvBlocksTotal();
            if (last != null && now.getPromptTokens() >= last.getPromptTokens()) {
                prompt += now.getPromptTokens() - last.getPromptTokens();
                cached += now.getCachedTokens() - last.getCachedTokens();
                double seconds =
                        (now.getAt().toEpochMilli() - last.getAt().toEpochMilli()) / 1000.0;
                cachedRate +=
                        seconds > 0
                                ? (now.getCachedTokens() - last.getCachedTokens()) / seconds
                                : cachedRateOf(now);
            }
        }
        return new History.Point(
                lag.at().toEpochMilli(),
                status.promptTokensPerSecond(),
                Math.max(0, cachedRate),
                status.completionTokensPerSecond(),
                lag.records(),
                running,
                waiting,
                kvTotal == 0 ? 0 : (double) kvUsed / kvTotal,
                prompt == 0 ? Double.NaN : (double) cached / prompt);
    }

    /** The same statistics were seen twice: the mean share stands in for the interval's. */
    private static double cachedRateOf(WorkerStats stats) {
        return stats.getPromptTokens() == 0
                ? 0
                : stats.getPromptTokensPerSecond()
                        * stats.getCachedTokens()
                        / stats.getPromptTokens();
    }
}
