package dev.millrace.ingest;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * What ingest counts. A task that starts again after a failure counts what it repeats twice; the
 * tallies of batches do not.
 */
public final class IngestMetrics {
    /** What became of a record. */
    public enum Outcome {
        /** Passed on to a pool. */
        ADMITTED,
        /** Ended as a FAILED completion. */
        FAILED,
        /** Ended as an EXPIRED completion. */
        EXPIRED,
        /** Ended as a CANCELLED completion. */
        CANCELLED,
        /** Dropped: its job id had been seen. */
        DUPLICATE,
        /** Known already, and its stored answer was sent once more; also counted as a duplicate. */
        RE_EMITTED,
        /** Got the stored answer of a job with the same content, and was not computed. */
        REUSED,
        /** Held back: its tenant's quota is used up; counted again when it goes on. */
        HELD,
        /** Set aside: not readable. */
        DEAD_LETTER,
        /** Waits for its shared prefix; counted again when it goes on. */
        PARKED,
        /**
         * Had a key that is not its job id, and went through the topic once more under the right
         * one.
         */
        REKEYED
    }

    /** Name of the one counter; its tag {@code outcome} is an {@link Outcome} in lower case. */
    public static final String RECORDS = "millrace.ingest.records";

    private final Map<Outcome, Counter> counters = new EnumMap<>(Outcome.class);

    public IngestMetrics(MeterRegistry meters) {
        for (Outcome outcome : Outcome.values()) {
            counters.put(
                    outcome,
                    Counter.builder(RECORDS)
                            .description("Records that ingest has read, by what became of them")
                            .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
                            .register(meters));
        }
    }

    void count(Outcome outcome) {
        counters.get(outcome).increment();
    }
}
