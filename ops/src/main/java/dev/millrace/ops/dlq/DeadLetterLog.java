package dev.millrace.ops.dlq;

import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.WireFormatException;
import dev.millrace.sink.table.ReadOnlyConsumers;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Reads the dead letters that are committed now, oldest first per partition, one at a time: memory
 * stays flat.
 */
public final class DeadLetterLog implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(200);

    private final org.apache.kafka.clients.consumer.Consumer<byte[], byte[]> consumer;
    private final Deserializer<DeadLetter> values;
    private long unreadable;

    /**
     * Which letters are meant; a null or empty part says nothing.
     *
     * @param ids sources of the letters, as {@link #idOf} names them
     * @param reason error code
     * @param sourceTopic where the record had been read
     * @param since set aside at this instant or later
     */
    public record Filter(Set<String> ids, String reason, String sourceTopic, Instant since) {
        public static final Filter ALL = new Filter(Set.of(), null, null, null);

        public boolean matches(DeadLetter letter) {
            return (ids.isEmpty() || ids.contains(idOf(letter)))
                    && (reason == null || reason.equals(letter.getError().getCode()))
                    && (sourceTopic == null || sourceTopic.equals(letter.getSourceTopic()))
                    && (since == null || !letter.getFailedAt().isBefore(since));
        }
    }

    /**
     * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's
     *     clients and the serde understand
     * @throws IllegalStateException when there is no topic of dead letters
     */
    public DeadLetterLog(Map<String, Object> clientProperties) {
        consumer = ReadOnlyConsumers.create(clientProperties);
        values = ReadOnlyConsumers.valuesOf(DeadLetter.class, clientProperties);
    }

    /** Name of a letter: the topic, partition and offset at which its record had been read. */
    public static String idOf(DeadLetter letter) {
        return letter.getSourceTopic()
                + "-"
                + letter.getSourcePartition()
                + "-"
                + letter.getSourceOffset();
    }

    /** Hands out every letter that matches and was committed when the call began. */
    public void forEach(Filter filter, Consumer<DeadLetter> visitor) {
        List<TopicPartition> partitions =
                ReadOnlyConsumers.partitions(consumer, Topics.DEAD_LETTERS);
        consumer.assign(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        seek(partitions, filter.since());
        while (ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                long end = ends.get(new TopicPartition(record.topic(), record.partition()));
                if (record.offset() < end) {
                    visit(record, filter, visitor);
                }
            }
        }
    }

    /** Records so far that are no dead letters. */
    public long unreadable() {
        return unreadable;
    }

    @Override
    public void close() {
        consumer.close();
        values.close();
    }

    /** A record is never older than what it tells of, up to clocks that disagree. */
    private void seek(List<TopicPartition> partitions, Instant since) {
        consumer.seekToBeginning(partitions);
        if (since == null) {
            return;
        }
        Map<TopicPartition, Long> times = new HashMap<>();
        long fromMs = Math.max(0, since.minus(Duration.ofHours(1)).toEpochMilli());
        partitions.forEach(partition -> times.put(partition, fromMs));
        for (Map.Entry<TopicPartition, OffsetAndTimestamp> start :
                consumer.offsetsForTimes(times).entrySet()) {
            if (start.getValue() == null) {
                consumer.seekToEnd(List.of(start.getKey()));
            } else {
                consumer.seek(start.getKey(), start.getValue().offset());
            }
        }
    }

    private void visit(
            ConsumerRecord<byte[], byte[]> record, Filter filter, Consumer<DeadLetter> visitor) {
        DeadLetter letter;
        try {
            letter = values.deserialize(record.topic(), record.value());
        } catch (WireFormatException e) {
            unreadable++;
            return;
        }
        if (letter != null && filter.matches(letter)) {
            visitor.accept(letter);
        }
    }
}
