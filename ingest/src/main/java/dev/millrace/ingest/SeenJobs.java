package dev.millrace.ingest;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.WindowStore;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * Which job ids have been seen, for a bounded time, on disk.
 *
 * <pre>
 * key    16 bytes of SHA-256(job id), then the start of the time bucket in which the id was first seen
 * value  nothing
 *
 * bucket  |   b-1   |    b    |      one bucket is one RocksDB segment of the window store;
 *         └──── looked up ────┘      bucket length = retention
 * </pre>
 *
 * A look-up is two point reads, which Bloom filters answer for ids that are new; no range is
 * scanned. An old bucket goes as a whole, by deleting its folder. 100 million ids take 3.3 GB of
 * disk and no heap. The clock is the processing clock and not the records' timestamps: one record
 * from the far future would otherwise expire all that is known.
 */
final class SeenJobs {
    static final String STORE = "seen-jobs";

    private static final int KEY_BYTES = 16;
    private static final byte[] SEEN = new byte[0];

    private final WindowStore<Bytes, byte[]> store;
    private final long bucketMs;

    SeenJobs(WindowStore<Bytes, byte[]> store, Duration retention) {
        this.store = store;
        this.bucketMs = retention.toMillis();
    }

    static StoreBuilder<WindowStore<Bytes, byte[]>> storeBuilder(Duration retention) {
        return BucketStores.builder(STORE, retention);
    }

    /** Remembers the id; false when it is known already. */
    boolean add(String jobId, long nowMs) {
        Bytes key =
                Bytes.wrap(
                        Arrays.copyOf(
                                Digests.sha256().digest(jobId.getBytes(StandardCharsets.UTF_8)),
                                KEY_BYTES));
        long bucket = nowMs - nowMs % bucketMs;
        if (store.fetch(key, bucket) != null || store.fetch(key, bucket - bucketMs) != null) {
            return false;
        }
        store.put(key, SEEN, bucket);
        return true;
    }
}
