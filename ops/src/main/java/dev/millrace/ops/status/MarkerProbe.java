package dev.millrace.ops.status;

import dev.millrace.sink.table.ReadOnlyConsumers;
import dev.millrace.worker.FinishedAhead;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tells records from transaction markers in a short stretch of a log, by reading it. A group that
 * is done can stand before a marker for ever, because nothing comes after it that would be
 * committed.
 */
final class MarkerProbe implements AutoCloseable {
    /** Longer stretches are not worth it: a few markers among so many records are no matter. */
    static final long OFFSETS_MAX = 512;

    private static final Duration POLL = Duration.ofMillis(50);
    private static final long BUDGET_NANOS = Duration.ofSeconds(2).toNanos();

    private final Map<String, Object> clientProperties;
    private final Map<TopicPartition, Stretch> known = new HashMap<>();
    private Consumer<byte[], byte[]> consumer;

    private record Stretch(long from, long to, long records) {}

    MarkerProbe(Map<String, Object> clientProperties) {
        this.clientProperties = clientProperties;
    }

    /**
     * How many records that are not finished lie in [from, to); all offsets when it cannot be told
     * in time.
     */
    long records(TopicPartition partition, long from, long to, FinishedAhead ahead) {
        Stretch stretch = known.get(partition);
        if (stretch != null && stretch.from() == from && stretch.to() == to && ahead.isEmpty()) {
            return stretch.records();
        }
        long records = read(partition, from, to, ahead);
        if (ahead.isEmpty()) {
            known.put(partition, new Stretch(from, to, records));
        }
        return records;
    }

    private long read(TopicPartition partition, long from, long to, FinishedAhead ahead) {
        Consumer<byte[], byte[]> reader = consumer();
        reader.assign(List.of(partition));
        reader.seek(partition, from);
        long records = 0;
        long deadline = System.nanoTime() + BUDGET_NANOS;
        while (reader.position(partition) < to) {
            for (ConsumerRecord<byte[], byte[]> record : reader.poll(POLL)) {
                records += record.offset() < to && !ahead.contains(record.offset()) ? 1 : 0;
            }
            if (System.nanoTime() > deadline) {
                return to - from - ahead.count();
            }
        }
        return records;
    }

    private Consumer<byte[], byte[]> consumer() {
        if (consumer == null) {
            Map<String, Object> properties = ReadOnlyConsumers.properties(clientProperties);
            properties.put(ConsumerConfig.FETCH_MAX_BYTES_CONFIG, 1 << 20);
            Deserializer<byte[]> nothing = (topic, data) -> null;
            consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), nothing);
        }
        return consumer;
    }

    @Override
    public void close() {
        if (consumer != null) {
            consumer.close();
        }
    }
}
