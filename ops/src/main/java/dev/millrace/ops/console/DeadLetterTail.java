package dev.millrace.ops.console;

import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.WireFormatException;
import dev.millrace.sink.table.ReadOnlyConsumers;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** The newest dead letters: where each came from and why, without what was in it. */
final class DeadLetterTail implements AutoCloseable {
    private static final int KEPT = 20;
    private static final int POLLS_MAX = 20;

    private final Consumer<byte[], byte[]> consumer;
    private final Deserializer<DeadLetter> values;
    private final Deque<Row> newest = new ArrayDeque<>();
    private long count;

    /**
     * @param reason the error's message; it names places and fields, never contents of a prompt
     */
    record Row(String source, String code, String reason, String failedBy, Instant at) {}

    DeadLetterTail(Map<String, Object> clientProperties) {
        consumer = ReadOnlyConsumers.create(clientProperties);
        values = ReadOnlyConsumers.valuesOf(DeadLetter.class, clientProperties);
        try {
            consumer.assign(ReadOnlyConsumers.partitions(consumer, Topics.DEAD_LETTERS));
            consumer.seekToBeginning(consumer.assignment());
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Takes what has come. */
    void readOn() {
        for (int i = 0; i < POLLS_MAX; i++) {
            var records = consumer.poll(Duration.ofMillis(5));
            if (records.isEmpty()) {
                return;
            }
            for (ConsumerRecord<byte[], byte[]> record : records) {
                take(record);
            }
        }
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        count++;
        try {
            DeadLetter letter = values.deserialize(record.topic(), record.value());
            String source =
                    letter.getSourceTopic()
                            + "-"
                            + letter.getSourcePartition()
                            + " @ "
                            + letter.getSourceOffset();
            newest.addFirst(
                    new Row(
                            source,
                            letter.getError().getCode(),
                            letter.getError().getMessage(),
                            letter.getFailedBy(),
                            letter.getFailedAt()));
        } catch (WireFormatException e) {
            newest.addFirst(
                    new Row(
                            record.topic() + " @ " + record.offset(),
                            "unreadable_dead_letter",
                            e.getMessage(),
                            "",
                            Instant.ofEpochMilli(record.timestamp())));
        }
        if (newest.size() > KEPT) {
            newest.removeLast();
        }
    }

    /** Dead letters in the topic. */
    long count() {
        return count;
    }

    /** The newest first. */
    List<Row> newest() {
        return List.copyOf(newest);
    }

    @Override
    public void close() {
        consumer.close();
        values.close();
    }
}
