package dev.millrace.it.remote;

import dev.millrace.schemas.Topics;
import dev.millrace.schemas.WorkerStats;
import dev.millrace.schemas.serde.AvroDeserializer;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** Reads what workers say of themselves. */
final class StatsReader implements AutoCloseable {
    private final KafkaConsumer<String, WorkerStats> consumer;

    StatsReader(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.put("auto.offset.reset", "earliest");
        AvroDeserializer<WorkerStats> values = new AvroDeserializer<>(WorkerStats.class);
        values.configure(properties, false);
        consumer = new KafkaConsumer<>(properties, new StringDeserializer(), values);
        consumer.assign(
                consumer.partitionsFor(Topics.WORKER_STATS).stream()
                        .map(p -> new TopicPartition(p.topic(), p.partition()))
                        .toList());
        consumer.seekToBeginning(consumer.assignment());
    }

    /** The first reason that the worker gives for taking no jobs. */
    String awaitHoldReason(String workerId, Duration atMost) {
        long end = System.nanoTime() + atMost.toNanos();
        while (System.nanoTime() < end) {
            for (ConsumerRecord<String, WorkerStats> record :
                    consumer.poll(Duration.ofMillis(100))) {
                if (workerId.equals(record.key()) && record.value().getHoldReason() != null) {
                    return record.value().getHoldReason();
                }
            }
        }
        throw new AssertionError(workerId + " never said that it takes no jobs");
    }

    @Override
    public void close() {
        consumer.close();
    }
}
