package dev.millrace.ops.cli;

import dev.millrace.ops.demo.Outcome;
import dev.millrace.ops.demo.Startup;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** The demonstration's progress: done of total, tokens per second, cache hits, lag, time left. */
final class DemoProgress implements AutoCloseable {
    private final LiveLine line;
    private final LagProbe lag;
    private final long startNanos;
    private Startup untilFirstCompletion = Startup.NONE;

    DemoProgress(LiveLine line, Map<String, Object> clientProperties, long startNanos) {
        this.line = line;
        this.lag = new LagProbe(clientProperties);
        this.startNanos = startNanos;
    }

    void show(Outcome outcome) {
        if (untilFirstCompletion == Startup.NONE && outcome.answered() > 0) {
            untilFirstCompletion = Startup.untilNow();
        }
        long nowMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
        line.show(text(outcome, nowMs), nowMs);
    }

    void finish(Outcome outcome) {
        line.finish(text(outcome, TimeUnit.NANOSECONDS.toMillis(System.nanoTime())));
    }

    /** From the start of the process to the first completion. */
    Startup untilFirstCompletion() {
        return untilFirstCompletion;
    }

    private String text(Outcome outcome, long nowMs) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        int left = outcome.prompts() - outcome.answered();
        String timeLeft =
                outcome.answered() == 0
                        ? "unknown"
                        : Format.duration(left * seconds / outcome.answered());
        return String.format(
                Locale.ROOT,
                "%s %s/%s | %s tok/s in, %s tok/s out | cache hits %s | lag %s | left %s",
                Format.bar(outcome.answered(), outcome.prompts()),
                Format.count(outcome.answered()),
                Format.count(outcome.prompts()),
                Format.count(Math.round(outcome.promptTokens() / seconds)),
                Format.count(Math.round(outcome.completionTokens() / seconds)),
                Format.percent(outcome.cachedTokens(), outcome.promptTokens()),
                Format.count(lag.records(nowMs)),
                timeLeft);
    }

    @Override
    public void close() {
        lag.close();
    }
}
