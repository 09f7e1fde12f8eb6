package dev.millrace.ingest;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.serde.WireFormatException;

import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Answers that are given to other jobs with the same content.
 *
 * <pre>
 * job routed       asked: SHA-256(job id) → content key          this task's, until the job ends
 * job completed    topic answers: content key → completion       of the tenant, see ContentKey
 *                                 SHA-256(model name) → its latest checkpoint's answer, bare
 * equal job        looks into a global store of that topic, which every process has whole
 * </pre>
 *
 * The global store lags a little and is read outside of the transaction. That is harmless: what it
 * does not have yet is computed. Buckets as in {@link SeenJobs}, by the record's time, which ingest
 * itself has set.
 */
final class EqualAnswers {
    static final String STORE = "equal-answers";
    static final String ASKED_STORE = "asked-contents";

    /** Where they go: to the topic of answers, if it takes them. */
    interface Outlet {
        void send(byte[] key, Completion value, Instant now);
    }

    private final ReadOnlyWindowStore<Bytes, byte[]> answers;
    private final KeyValueStore<Bytes, byte[]> asked;
    private final Deserializer<Completion> reader;
    private final Duration retention;

    EqualAnswers(
            ReadOnlyWindowStore<Bytes, byte[]> answers,
            KeyValueStore<Bytes, byte[]> asked,
            Deserializer<Completion> reader,
            Duration retention) {
        this.answers = answers;
        this.asked = asked;
        this.reader = reader;
        this.retention = retention;
    }

    static StoreBuilder<WindowStore<Bytes, byte[]>> storeBuilder(Duration retention) {
        return BucketStores.builder(STORE, retention).withLoggingDisabled();
    }

    static StoreBuilder<KeyValueStore<Bytes, byte[]>> askedStoreBuilder() {
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(ASKED_STORE),
                        Serdes.Bytes(),
                        Serdes.ByteArray())
                .withCachingEnabled();
    }

    /** The answer as this job's own, or null when it must be computed. */
    Completion find(PromptJob job, Instant now) {
        byte[] key = ContentKey.of(job);
        byte[] stored = key == null ? null : fetch(key, now);
        Completion answer = stored == null ? null : read(reader, stored);
        if (answer == null
                || answer.getModelFingerprint() == null
                || !answer.getModelFingerprint().equals(checkpointOf(job.getModel(), now))) {
            return null;
        }
        answer.setServedFrom(answer.getJobId());
        answer.setJobId(job.getJobId());
        answer.setCustomId(job.getCustomId());
        answer.setBatchId(job.getBatchId());
        answer.setTenant(job.getTenant());
        answer.setMetadata(job.getMetadata());
        answer.setCreatedAt(job.getCreatedAt());
        answer.setStartedAt(null);
        answer.setFinishedAt(now);
        answer.setWorkerId(IngestTopology.ROLE);
        answer.setUsage(new Usage(0, 0, 0));
        return answer;
    }

    /** The job goes to a worker; its answer will be kept. */
    void routed(PromptJob job) {
        byte[] key = ContentKey.of(job);
        if (key != null) {
            asked.put(hash(job.getJobId().getBytes(StandardCharsets.UTF_8)), key);
        }
    }

    /** A job has ended; its completion as bytes. */
    void ended(byte[] jobId, byte[] value, Instant now, Outlet outlet) {
        byte[] key = asked.delete(hash(jobId));
        Completion completion = read(reader, value);
        if (completion == null
                || completion.getStatus() != CompletionStatus.COMPLETED
                || completion.getServedFrom() != null
                || completion.getModelFingerprint() == null) {
            return;
        }
        if (key != null) {
            outlet.send(key, completion, now);
        }
        if (!completion.getModelFingerprint().equals(checkpointOf(completion.getModel(), now))) {
            Completion bare =
                    Completion.newBuilder(completion)
                            .setChoices(List.of())
                            .setMetadata(Map.of())
                            .build();
            outlet.send(modelKey(completion.getModel()), bare, now);
        }
    }

    /** The fingerprint that the model's latest answer came with; null when none is known. */
    private String checkpointOf(String model, Instant now) {
        byte[] latest = fetch(modelKey(model), now);
        Completion bare = latest == null ? null : read(reader, latest);
        return bare == null ? null : bare.getModelFingerprint();
    }

    /** Null for what is no readable completion: whoever wrote it, it is no answer. */
    static Completion read(Deserializer<Completion> reader, byte[] value) {
        try {
            return reader.deserialize(Topics.COMPLETIONS, value);
        } catch (WireFormatException e) {
            return null;
        }
    }

    private byte[] fetch(byte[] key, Instant now) {
        long bucket = bucketOf(now.toEpochMilli(), retention);
        byte[] found = fetchFrom(bucket, key);
        return found != null ? found : fetchFrom(bucket - retention.toMillis(), key);
    }

    /**
     * Null also while the store's own thread opens or closes the bucket: Kafka Streams shows a new
     * segment to readers before it is open.
     */
    private byte[] fetchFrom(long bucket, byte[] key) {
        try {
            return answers.fetch(Bytes.wrap(key), bucket);
        } catch (InvalidStateStoreException e) {
            return null;
        }
    }

    private static long bucketOf(long timeMs, Duration retention) {
        return timeMs - timeMs % retention.toMillis();
    }

    private static byte[] modelKey(String model) {
        return hash(("model " + model).getBytes(StandardCharsets.UTF_8)).get();
    }

    private static Bytes hash(byte[] text) {
        return Bytes.wrap(Arrays.copyOf(Digests.sha256().digest(text), ContentKey.BYTES));
    }

    /** Keeps the global store equal to the topic, as far as it is remembered. */
    static final class Updater extends ContextualProcessor<byte[], byte[], Void, Void> {
        private final Duration retention;

        Updater(Duration retention) {
            this.retention = retention;
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            WindowStore<Bytes, byte[]> store = context().getStateStore(STORE);
            if (record.key() != null) {
                store.put(
                        Bytes.wrap(record.key()),
                        record.value(),
                        bucketOf(record.timestamp(), retention));
            }
        }
    }
}
