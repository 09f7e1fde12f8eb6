package dev.millrace.ingest;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Consumer;

/**
 * How many jobs of each (batch, submission) this task has admitted and dropped, cumulative, so that
 * a later TALLY replaces an earlier one.
 *
 * <pre>
 * key    length of batch id (4) · batch id · submission id
 * value  admitted (8) · duplicates (8) · changed at, ms (8) · unsent (1) · endpoint (1) · tenant
 * </pre>
 *
 * The store remembers which counts are still to be sent: a restart between counting and sending
 * sends them.
 */
final class Tallies {
    static final String STORE = "tallies";

    private record Tally(
            long admitted,
            long duplicates,
            long changedAtMs,
            boolean unsent,
            Endpoint endpoint,
            String tenant) {
        byte[] toBytes() {
            byte[] who = tenant.getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(26 + who.length)
                    .putLong(admitted)
                    .putLong(duplicates)
                    .putLong(changedAtMs)
                    .put((byte) (unsent ? 1 : 0))
                    .put((byte) endpoint.ordinal())
                    .put(who)
                    .array();
        }

        static Tally of(byte[] bytes) {
            ByteBuffer in = ByteBuffer.wrap(bytes);
            return new Tally(
                    in.getLong(),
                    in.getLong(),
                    in.getLong(),
                    in.get() == 1,
                    Endpoint.values()[in.get()],
                    new String(bytes, in.position(), in.remaining(), StandardCharsets.UTF_8));
        }

        Tally sent() {
            return new Tally(admitted, duplicates, changedAtMs, false, endpoint, tenant);
        }
    }

    private final KeyValueStore<Bytes, byte[]> store;
    private final String source;
    private final Set<Bytes> unsent = new LinkedHashSet<>();

    /**
     * @param source name of the task that counts
     */
    Tallies(KeyValueStore<Bytes, byte[]> store, String source) {
        this.store = store;
        this.source = source;
        try (KeyValueIterator<Bytes, byte[]> all = store.all()) {
            all.forEachRemaining(
                    entry -> {
                        if (Tally.of(entry.value).unsent()) {
                            unsent.add(entry.key);
                        }
                    });
        }
    }

    /**
     * Caching on: a count that changes with every job is written to the changelog once per commit.
     */
    static StoreBuilder<KeyValueStore<Bytes, byte[]>> storeBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(STORE), Serdes.Bytes(), Serdes.ByteArray())
                .withCachingEnabled();
    }

    /** The job was passed on, or ended here. */
    void admitted(PromptJob job, long nowMs) {
        count(job, 1, 0, nowMs);
    }

    /** The job was dropped: its id was known. */
    void duplicate(PromptJob job, long nowMs) {
        count(job, 0, 1, nowMs);
    }

    private void count(PromptJob job, int admitted, int duplicates, long nowMs) {
        if (job.getBatchId().isEmpty()) {
            return;
        }
        Bytes key = key(job.getBatchId(), job.getSubmissionId());
        byte[] known = store.get(key);
        Tally before =
                known == null ? new Tally(0, 0, 0, false, job.getEndpoint(), "") : Tally.of(known);
        Tally after =
                new Tally(
                        before.admitted + admitted,
                        before.duplicates + duplicates,
                        nowMs,
                        true,
                        job.getEndpoint(),
                        job.getTenant());
        store.put(key, after.toBytes());
        unsent.add(key);
    }

    /** Hands out an event for each count that changed since the last call. */
    void send(Instant now, Consumer<BatchEvent> events) {
        for (Bytes key : unsent) {
            byte[] known = store.get(key);
            if (known != null) {
                Tally tally = Tally.of(known);
                events.accept(event(key, tally, now));
                store.put(key, tally.sent().toBytes());
            }
        }
        unsent.clear();
    }

    /** Forgets submissions of which no job has come for so long. */
    void forget(Duration quiet, long nowMs) {
        try (KeyValueIterator<Bytes, byte[]> all = store.all()) {
            while (all.hasNext()) {
                KeyValue<Bytes, byte[]> entry = all.next();
                Tally tally = Tally.of(entry.value);
                if (!tally.unsent() && tally.changedAtMs() < nowMs - quiet.toMillis()) {
                    store.delete(entry.key);
                }
            }
        }
    }

    private BatchEvent event(Bytes key, Tally tally, Instant now) {
        ByteBuffer in = ByteBuffer.wrap(key.get());
        byte[] batchId = new byte[in.getInt()];
        byte[] submissionId = new byte[in.remaining() - batchId.length];
        in.get(batchId).get(submissionId);
        return BatchEvent.newBuilder()
                .setBatchId(new String(batchId, StandardCharsets.UTF_8))
                .setKind(BatchEventKind.TALLY)
                .setSubmissionId(new String(submissionId, StandardCharsets.UTF_8))
                .setTenant(tally.tenant())
                .setEndpoint(tally.endpoint())
                .setSource(source)
                .setAdmitted(tally.admitted())
                .setDuplicates(tally.duplicates())
                .setAt(now)
                .build();
    }

    private static Bytes key(String batchId, String submissionId) {
        byte[] batch = batchId.getBytes(StandardCharsets.UTF_8);
        byte[] submission = submissionId.getBytes(StandardCharsets.UTF_8);
        return Bytes.wrap(
                ByteBuffer.allocate(4 + batch.length + submission.length)
                        .putInt(batch.length)
                        .put(batch)
                        .put(submission)
                        .array());
    }
}
