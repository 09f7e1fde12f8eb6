package dev.millrace.ingest;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.WindowStore;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * The completions of a bounded time, as bytes, by the hash of their job id: laid out and forgotten
 * like {@link SeenJobs}. Lies on disk; takes what the completions of that time take, once here and
 * once in its changelog.
 */
final class AnsweredJobs {
    static final String STORE = "answered-jobs";

    private static final int KEY_BYTES = 16;

    private final WindowStore<Bytes, byte[]> store;
    private final long bucketMs;

    AnsweredJobs(WindowStore<Bytes, byte[]> store, Duration retention) {
        this.store = store;
        this.bucketMs = retention.toMillis();
    }

    static StoreBuilder<WindowStore<Bytes, byte[]>> storeBuilder(Duration retention) {
        return BucketStores.builder(STORE, retention);
    }

    void put(byte[] jobId, byte[] completion, long nowMs) {
        store.put(keyOf(jobId), completion, nowMs - nowMs % bucketMs);
    }

    /** The job's completion, or null when none is kept. */
    byte[] find(String jobId, long nowMs) {
        Bytes key = keyOf(jobId.getBytes(StandardCharsets.UTF_8));
        long bucket = nowMs - nowMs % bucketMs;
        byte[] found = store.fetch(key, bucket);
        return found != null ? found : store.fetch(key, bucket - bucketMs);
    }

    private static Bytes keyOf(byte[] jobId) {
        return Bytes.wrap(Arrays.copyOf(Digests.sha256().digest(jobId), KEY_BYTES));
    }
}
