package dev.millrace.ingest;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

import java.time.Duration;

/** Stores on disk that forget in buckets: what is older than the retention goes a bucket at a time. */
final class BucketStores {
    private BucketStores() {}

    /**
     * A store whose segments are half its own retention long: so long as a bucket.
     *
     * @param retention length of a bucket; a record is kept for one to two of them
     */
    static StoreBuilder<WindowStore<Bytes, byte[]>> builder(String name, Duration retention) {
        return Stores.windowStoreBuilder(
                        Stores.persistentWindowStore(
                                name, retention.multipliedBy(2), retention, false),
                        Serdes.Bytes(),
                        Serdes.ByteArray())
                .withCachingDisabled();
    }
}
