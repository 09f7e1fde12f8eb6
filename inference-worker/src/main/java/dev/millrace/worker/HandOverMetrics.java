package dev.millrace.worker;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;

/**
 * What interrupted jobs save.
 *
 * <pre>
 * millrace_worker_handed_over_jobs_total  jobs let go with what was generated for them
 * millrace_worker_resumed_jobs_total      jobs gone on with where another worker had stopped
 * millrace_worker_resumed_tokens_total    tokens that were not generated again for it
 * </pre>
 */
final class HandOverMetrics {
    private final Counter handedOverJobs;
    private final Counter resumedJobs;
    private final Counter resumedTokens;

    HandOverMetrics(MeterRegistry registry, Tags tags) {
        handedOverJobs =
                WorkerMetrics.counter(
                        registry,
                        "handed.over.jobs",
                        "Jobs let go with what was generated for them.",
                        tags);
        resumedJobs =
                WorkerMetrics.counter(
                        registry,
                        "resumed.jobs",
                        "Jobs gone on with where another worker had stopped.",
                        tags);
        resumedTokens =
                WorkerMetrics.counter(
                        registry,
                        "resumed.tokens",
                        "Tokens of resumed jobs that were not generated again.",
                        tags);
    }

    void handedOver() {
        handedOverJobs.increment();
    }

    void resumed(int tokens) {
        resumedJobs.increment();
        resumedTokens.increment(tokens);
    }
}
