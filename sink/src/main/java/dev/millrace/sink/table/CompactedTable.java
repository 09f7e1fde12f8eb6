package dev.millrace.sink.table;

import dev.millrace.schemas.serde.WireFormatException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * A compacted topic as a table: the newest value of each key, held in memory. Nothing happens behind the
 * caller's back: {@link #readToEnd} catches up with the topic, {@link #poll} takes what has come since. For
 * one thread.
 *
 * <p>A value that cannot be read is counted and otherwise passed over: the key keeps its older value.
 */
public final class CompactedTable<T> implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(200);

    private final Consumer<byte[], byte[]> consumer;
    private final String topic;
    private final Deserializer<? extends T> values;
    private final InstantSource clock;
    private final List<TopicPartition> partitions;
    private final Map<String, T> newest = new TreeMap<>();
    private long unreadable;

    /**
     * Opens a topic whose values are of a generated class; reads nothing yet.
     *
     * @throws IllegalStateException when there is no such topic
     */
    public static <T> CompactedTable<T> open(
            Map<String, Object> clientProperties, String topic, Class<T> type) {
        Deserializer<T> values = ReadOnlyConsumers.valuesOf(type, clientProperties);
        return new CompactedTable<>(
                ReadOnlyConsumers.create(clientProperties), topic, values, InstantSource.system());
    }

    CompactedTable(Consumer<byte[], byte[]> consumer, String topic, Deserializer<? extends T> values,
            InstantSource clock) {
        this.consumer = consumer;
        this.topic = topic;
        this.values = values;
        this.clock = clock;
        try {
            this.partitions = ReadOnlyConsumers.partitions(consumer, topic);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
    }

    /**
     * Reads everything that was committed when the call began.
     *
     * @throws IllegalStateException when that takes longer than {@code timeout}
     */
    public void readToEnd(Duration timeout) {
        long deadlineMs = clock.millis() + timeout.toMillis();
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        while (isBehind(ends)) {
            if (clock.millis() > deadlineMs) {
                throw new IllegalStateException("topic " + topic + " was not read to its end within "
                        + timeout);
            }
            poll(POLL);
        }
    }

    /** Takes what has come, waiting up to {@code timeout} for it. Says how many records came. */
    public int poll(Duration timeout) {
        ConsumerRecords<byte[], byte[]> records = consumer.poll(timeout);
        for (ConsumerRecord<byte[], byte[]> record : records) {
            take(record);
        }
        return records.count();
    }

    /** The newest value of a key, or null. */
    public T get(String key) {
        return newest.get(key);
    }

    /** The whole table in order of the keys; a view that changes with the next read. */
    public Map<String, T> entries() {
        return Collections.unmodifiableMap(newest);
    }

    /** Records so far whose value could not be read. */
    public long unreadable() {
        return unreadable;
    }

    @Override
    public void close() {
        consumer.close();
        values.close();
    }

    private boolean isBehind(Map<TopicPartition, Long> ends) {
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
            if (consumer.position(end.getKey()) < end.getValue()) {
                return true;
            }
        }
        return false;
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null) {
            unreadable++;
            return;
        }
        String key = new String(record.key(), StandardCharsets.UTF_8);
        if (record.value() == null) {
            newest.remove(key);
            return;
        }
        try {
            newest.put(key, values.deserialize(topic, record.value()));
        } catch (WireFormatException e) {
            unreadable++;
        }
    }
}
