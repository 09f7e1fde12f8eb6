package dev.millrace.ingest;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Which job ids have been seen, for a bounded time, on disk.
 *
 * <pre>
 * key    16 bytes of SHA-256(job id), then the start of the time bucket in which the id was first seen
 * value  nothing
 *
 * bucket  |   b-2   |   b-1   |    b    |      one bucket is one RocksDB segment of the window store;
 *         └──────── looked up ──────────┘      bucket length = retention / 2
 * </pre>
 *
 * A look-up is three point reads, which Bloom filters answer for ids that are new; no range is scanned. An old bucket goes as a
 * whole, by deleting its folder. 100 million ids take about 3 GB of disk and no heap. The clock is the processing clock and not the
 * records' timestamps: one record from the far future would otherwise expire all that is known.
 */
final class SeenJobs {
    static final String STORE = "seen-jobs";

    private static final int BUCKETS = 3;
    private static final int KEY_BYTES = 16;
    private static final byte[] SEEN = new byte[0];

    private final WindowStore<Bytes, byte[]> store;
    private final long bucketMs;

    SeenJobs(WindowStore<Bytes, byte[]> store, Duration retention) {
        this.store = store;
        this.bucketMs = bucketMs(retention);
    }

    static StoreBuilder<WindowStore<Bytes, byte[]>> storeBuilder(Duration retention) {
        long bucketMs = bucketMs(retention);
        // One more millisecond than two buckets: the store then still answers for the bucket before the last.
        Duration storeRetention = Duration.ofMillis(2 * bucketMs + 1);
        return Stores.windowStoreBuilder(
                        Stores.persistentWindowStore(STORE, storeRetention, Duration.ofMillis(bucketMs), false),
                        Serdes.Bytes(), Serdes.ByteArray())
                .withCachingDisabled();
    }

    /** Remembers the id; false when it is known already. */
    boolean add(String jobId, long nowMs) {
        Bytes key = Bytes.wrap(Arrays.copyOf(Digests.sha256().digest(jobId.getBytes(StandardCharsets.UTF_8)), KEY_BYTES));
        long bucket = nowMs - nowMs % bucketMs;
        for (int back = 0; back < BUCKETS; back++) {
            long start = bucket - back * bucketMs;
            if (start >= 0 && store.fetch(key, start) != null) {
                return false;
            }
        }
        store.put(key, SEEN, bucket);
        return true;
    }

    private static long bucketMs(Duration retention) {
        return retention.toMillis() / 2;
    }
}
