package dev.millrace.ops.dlq;

import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Publishes the records of dead letters once more: same topic, key, value and headers, and two
 * headers that say so. The letter stays; a record that fails again becomes another letter whose
 * headers name the first. Replaying a job that runs or has run does no harm: ingest knows its id.
 */
public final class DeadLetterReplay implements AutoCloseable {
    /** Header: the letter that this record is replayed from. */
    public static final String REPLAY_OF = "millrace-replay-of";

    /** Header: when it was replayed, ISO 8601. */
    public static final String REPLAYED_AT = "millrace-replayed-at";

    /** What others have read already, and would count twice. */
    private static final Set<String> READ_BY_OTHERS =
            Set.of(Topics.COMPLETIONS, Topics.USAGE, Topics.DEAD_LETTERS);

    private final Producer<byte[], byte[]> producer;
    private final InstantSource clock;
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<Exception> failure = new AtomicReference<>();

    /** What can be done with a letter. */
    public enum Verdict {
        /** It can be published again. */
        REPLAYABLE,
        /** Its value was too large to be set aside, so there is nothing to publish. */
        WITHOUT_VALUE,
        /**
         * Its topic is one of answers: other consumers may have read the record, and would see it
         * twice.
         */
        READ_BY_OTHERS
    }

    /**
     * @param clientProperties bootstrap.servers and whatever else Kafka's clients understand
     */
    public DeadLetterReplay(Map<String, Object> clientProperties, InstantSource clock) {
        this(
                new KafkaProducer<>(
                        withSafety(clientProperties),
                        new ByteArraySerializer(),
                        new ByteArraySerializer()),
                clock);
    }

    DeadLetterReplay(Producer<byte[], byte[]> producer, InstantSource clock) {
        this.producer = producer;
        this.clock = clock;
    }

    private static Map<String, Object> withSafety(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.put(ProducerConfig.ACKS_CONFIG, "all");
        properties.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        return properties;
    }

    /** Whether a letter can be replayed. */
    public static Verdict verdictOn(DeadLetter letter) {
        if (READ_BY_OTHERS.contains(letter.getSourceTopic())) {
            return Verdict.READ_BY_OTHERS;
        }
        return letter.getValue() == null ? Verdict.WITHOUT_VALUE : Verdict.REPLAYABLE;
    }

    /** Sends the letter's record; whether it arrived is known after {@link #finish}. */
    public void replay(DeadLetter letter) {
        RecordHeaders headers = new RecordHeaders();
        letter.getHeaders().forEach((name, value) -> headers.add(name, bytes(value)));
        headers.remove(REPLAY_OF).remove(REPLAYED_AT);
        headers.add(REPLAY_OF, DeadLetterLog.idOf(letter).getBytes(StandardCharsets.UTF_8));
        headers.add(REPLAYED_AT, clock.instant().toString().getBytes(StandardCharsets.UTF_8));
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(
                        letter.getSourceTopic(),
                        null,
                        null,
                        bytes(letter.getKey()),
                        bytes(letter.getValue()),
                        headers);
        producer.send(
                record,
                (metadata, error) -> {
                    if (error == null) {
                        acknowledged.incrementAndGet();
                    } else {
                        failure.compareAndSet(null, error);
                    }
                });
    }

    /** Records that the broker has so far. */
    public long acknowledged() {
        return acknowledged.get();
    }

    /**
     * Waits for all that was sent.
     *
     * @throws IllegalStateException when some record did not arrive; the message says how many did
     */
    public long finish() {
        producer.flush();
        if (failure.get() != null) {
            throw new IllegalStateException(
                    "a record could not be replayed after "
                            + acknowledged
                            + " others: "
                            + failure.get().getMessage(),
                    failure.get());
        }
        return acknowledged.get();
    }

    @Override
    public void close() {
        producer.close();
    }

    private static byte[] bytes(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}
