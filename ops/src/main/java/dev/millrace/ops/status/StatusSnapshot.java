package dev.millrace.ops.status;

import dev.millrace.schemas.WorkerStats;
import java.time.Instant;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.ToLongFunction;

/**
 * How an installation is at one instant.
 *
 * @param batches those still open first, then the ended ones; the newest first in each
 * @param workers of the pool, by id
 * @param lags in the order a record passes the topics
 */
public record StatusSnapshot(
        Instant at, String pool, List<BatchRow> batches, List<WorkerRow> workers, List<TopicLag> lags) {

    public StatusSnapshot {
        batches = List.copyOf(batches);
        workers = List.copyOf(workers);
        lags = List.copyOf(lags);
    }

    /** Prompt tokens that live workers take in per second. */
    public double promptTokensPerSecond() {
        return workers.stream().filter(WorkerRow::isLive)
                .mapToDouble(worker -> worker.stats().getPromptTokensPerSecond()).sum();
    }

    /** Tokens that live workers generate per second. */
    public double completionTokensPerSecond() {
        return workers.stream().filter(WorkerRow::isLive)
                .mapToDouble(worker -> worker.stats().getCompletionTokensPerSecond()).sum();
    }

    /**
     * Share of the live workers' prompt tokens that came out of the prefix cache since they started; empty
     * before the first.
     */
    public OptionalDouble cachedShare() {
        return shareOfPrompts(liveStats(), WorkerStats::getCachedTokens);
    }

    /**
     * The share that a prefix cache without bounds would have had, of the workers that know it; empty where
     * none does, as before the first prompt and with remote engines.
     */
    public OptionalDouble idealCachedShare() {
        List<WorkerStats> knowing =
                liveStats().stream().filter(stats -> stats.getIdealCachedTokens() > 0).toList();
        return shareOfPrompts(knowing, WorkerStats::getIdealCachedTokens);
    }

    private List<WorkerStats> liveStats() {
        return workers.stream().filter(WorkerRow::isLive).map(WorkerRow::stats).toList();
    }

    private static OptionalDouble shareOfPrompts(
            List<WorkerStats> stats, ToLongFunction<WorkerStats> tokens) {
        long prompt = stats.stream().mapToLong(WorkerStats::getPromptTokens).sum();
        long part = stats.stream().mapToLong(tokens).sum();
        return prompt == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) part / prompt);
    }

    /** Jobs that end per second over all open batches, as far as it is known. */
    public double jobsPerSecond() {
        return batches.stream().filter(batch -> !batch.hasEnded())
                .mapToDouble(batch -> batch.jobsPerSecond().orElse(0)).sum();
    }
}
