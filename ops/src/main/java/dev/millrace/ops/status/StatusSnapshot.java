package dev.millrace.ops.status;

import java.time.Instant;
import java.util.List;
import java.util.OptionalDouble;

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
        long prompt = workers.stream().filter(WorkerRow::isLive)
                .mapToLong(worker -> worker.stats().getPromptTokens()).sum();
        long cached = workers.stream().filter(WorkerRow::isLive)
                .mapToLong(worker -> worker.stats().getCachedTokens()).sum();
        return prompt == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) cached / prompt);
    }

    /** Jobs that end per second over all open batches, as far as it is known. */
    public double jobsPerSecond() {
        return batches.stream().filter(batch -> !batch.hasEnded())
                .mapToDouble(batch -> batch.jobsPerSecond().orElse(0)).sum();
    }
}
