package dev.millrace.ingest;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Jobs that wait for their shared prefix, oldest first within a prefix, so that neither looking for
 * what may go on nor for what has waited too long reads more than it takes out.
 *
 * <pre>
 * key    length of prefix id (4) · prefix id · parked at, ms (8) · hash of job id (16)
 * value  number of headers (4) · per header: length, key, length or -1, value · the record's value
 * </pre>
 */
final class ParkedJobs {
    static final String STORE = "parked-jobs";

    /** One that waits. */
    record Parked(Bytes storeKey, long parkedAtMs, Headers headers, byte[] value) {}

    /** Says what shall become of a prefix's oldest job. */
    interface Visitor {
        /**
         * True when the job has been dealt with and is to be taken out; false leaves it and goes on
         * to the next prefix.
         */
        boolean visit(String prefixId, Parked job);
    }

    private final KeyValueStore<Bytes, byte[]> store;

    ParkedJobs(KeyValueStore<Bytes, byte[]> store) {
        this.store = store;
    }

    static StoreBuilder<KeyValueStore<Bytes, byte[]>> storeBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                .withCachingDisabled();
    }

    void park(String prefixId, String jobId, Headers headers, byte[] value, long nowMs) {
        byte[] prefix = prefixKey(prefixId);
        byte[] hash = Digests.sha256().digest(jobId.getBytes(StandardCharsets.UTF_8));
        byte[] key =
                ByteBuffer.allocate(prefix.length + 8 + 16)
                        .put(prefix)
                        .putLong(nowMs)
                        .put(hash, 0, 16)
                        .array();
        store.put(Bytes.wrap(key), encode(headers, value));
    }

    /** Visits prefix by prefix, oldest job first, and takes at most {@code max} jobs out. */
    void sweep(int max, Visitor visitor) {
        int taken = 0;
        Bytes from = null;
        do {
            Bytes next = null;
            try (KeyValueIterator<Bytes, byte[]> jobs = store.range(from, null)) {
                while (next == null && taken < max && jobs.hasNext()) {
                    KeyValue<Bytes, byte[]> entry = jobs.next();
                    String prefixId = prefixIdOf(entry.key);
                    if (visitor.visit(prefixId, decode(entry.key, entry.value))) {
                        store.delete(entry.key);
                        taken++;
                    } else {
                        next = Bytes.increment(Bytes.wrap(prefixKey(prefixId)));
                    }
                }
            }
            from = next;
        } while (from != null && taken < max);
    }

    /** Names the group of each job that waits, once per job. */
    void forEachGroup(Consumer<String> groups) {
        try (KeyValueIterator<Bytes, byte[]> jobs = store.all()) {
            jobs.forEachRemaining(entry -> groups.accept(prefixIdOf(entry.key)));
        }
    }

    private static byte[] prefixKey(String prefixId) {
        byte[] id = prefixId.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(4 + id.length).putInt(id.length).put(id).array();
    }

    private static String prefixIdOf(Bytes key) {
        int length = ByteBuffer.wrap(key.get()).getInt();
        return new String(key.get(), 4, length, StandardCharsets.UTF_8);
    }

    private static byte[] encode(Headers headers, byte[] value) {
        int bytes = 4 + value.length;
        for (Header header : headers) {
            bytes +=
                    8
                            + header.key().getBytes(StandardCharsets.UTF_8).length
                            + (header.value() == null ? 0 : header.value().length);
        }
        ByteBuffer out = ByteBuffer.allocate(bytes).putInt(headers.toArray().length);
        for (Header header : headers) {
            byte[] name = header.key().getBytes(StandardCharsets.UTF_8);
            out.putInt(name.length)
                    .put(name)
                    .putInt(header.value() == null ? -1 : header.value().length);
            if (header.value() != null) {
                out.put(header.value());
            }
        }
        return out.put(value).array();
    }

    private static Parked decode(Bytes key, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes);
        Headers headers = new RecordHeaders();
        for (int left = in.getInt(); left > 0; left--) {
            byte[] name = new byte[in.getInt()];
            in.get(name);
            int length = in.getInt();
            byte[] value = length < 0 ? null : new byte[length];
            if (value != null) {
                in.get(value);
            }
            headers.add(new String(name, StandardCharsets.UTF_8), value);
        }
        long parkedAtMs = ByteBuffer.wrap(key.get()).getLong(key.get().length - 24);
        return new Parked(
                key, parkedAtMs, headers, Arrays.copyOfRange(bytes, in.position(), bytes.length));
    }
}
