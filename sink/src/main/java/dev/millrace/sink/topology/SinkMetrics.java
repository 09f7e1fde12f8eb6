package dev.millrace.sink.topology;

import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.CompletionStatus;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the sink counts. Gauges cover the partitions that this process owns; sum over processes.
 *
 * <pre>
 * millrace_sink_batches{status}              batches now in this status
 * millrace_sink_completions_total{status}    completions read, by how the job ended
 * millrace_sink_dead_letters_total           records that could not be read
 * </pre>
 *
 * A transaction that is aborted is processed again, and its completions are counted again here; the topics
 * are exact.
 */
public final class SinkMetrics {
    private final Map<BatchStatus, AtomicLong> batches = new EnumMap<>(BatchStatus.class);
    private final Map<CompletionStatus, Counter> completions = new EnumMap<>(CompletionStatus.class);
    private final Counter deadLetters;

    /** Registers every meter at once, so that a dashboard shows zeros and not gaps. */
    public SinkMetrics(MeterRegistry registry) {
        for (BatchStatus status : BatchStatus.values()) {
            AtomicLong count = new AtomicLong();
            batches.put(status, count);
            Gauge.builder("millrace_sink_batches", count, AtomicLong::doubleValue)
                    .description("Batches now in this status").tag("status", label(status))
                    .register(registry);
        }
        for (CompletionStatus status : CompletionStatus.values()) {
            completions.put(status, Counter.builder("millrace_sink_completions")
                    .description("Completions read, by how the job ended").tag("status", label(status))
                    .register(registry));
        }
        deadLetters = Counter.builder("millrace_sink_dead_letters")
                .description("Records that the sink could not read").register(registry);
    }

    void batches(BatchStatus status, long change) {
        batches.get(status).addAndGet(change);
    }

    void completion(CompletionStatus status) {
        completions.get(status).increment();
    }

    void deadLetter() {
        deadLetters.increment();
    }

    private static String label(Enum<?> status) {
        return status.name().toLowerCase(Locale.ROOT);
    }
}
