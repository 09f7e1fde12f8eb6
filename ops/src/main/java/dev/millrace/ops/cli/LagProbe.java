package dev.millrace.ops.cli;

import dev.millrace.ingest.IngestConfig;
import dev.millrace.ops.status.TrueLag;
import dev.millrace.schemas.Topics;
import dev.millrace.worker.WorkerConfig;

import java.util.Map;

/** Jobs that are published and not finished, asked of Kafka at most once a second. */
final class LagProbe implements AutoCloseable {
    private static final long ASK_EVERY_MS = 1_000;

    private final TrueLag lag;
    private long askedMs = Long.MIN_VALUE / 2;
    private long records;

    LagProbe(Map<String, Object> clientProperties) {
        lag = new TrueLag(clientProperties);
    }

    /**
     * @param nowMs of any steady clock
     */
    long records(long nowMs) {
        if (nowMs - askedMs >= ASK_EVERY_MS) {
            askedMs = nowMs;
            records =
                    lag.of(IngestConfig.DEFAULT_APPLICATION_ID, Topics.PROMPTS).records()
                            + lag.of(
                                            WorkerConfig.groupFor(Topics.DEFAULT_POOL),
                                            Topics.ready(Topics.DEFAULT_POOL))
                                    .records();
        }
        return records;
    }

    @Override
    public void close() {
        lag.close();
    }
}
