package dev.millrace.it.pipeline;

import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroDeserializer;

import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads the dead letters that are committed. */
public final class DeadLetterReader implements AutoCloseable {
    private final KafkaConsumer<byte[], DeadLetter> consumer;
    private final List<DeadLetter> seen = new ArrayList<>();

    public DeadLetterReader(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.put("isolation.level", "read_committed");
        properties.put("auto.offset.reset", "earliest");
        AvroDeserializer<DeadLetter> values = new AvroDeserializer<>(DeadLetter.class);
        values.configure(properties, false);
        consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), values);
        consumer.assign(List.of(new TopicPartition(Topics.DEAD_LETTERS, 0)));
        consumer.seekToBeginning(consumer.assignment());
    }

    public void await(int count, Duration stalled) {
        long lastMove = System.nanoTime();
        while (seen.size() < count) {
            var records = consumer.poll(Duration.ofMillis(100));
            records.forEach(record -> seen.add(record.value()));
            if (!records.isEmpty()) {
                lastMove = System.nanoTime();
            } else if (System.nanoTime() - lastMove > stalled.toNanos()) {
                throw new AssertionError(
                        "stalled for "
                                + stalled
                                + " at "
                                + seen.size()
                                + " of "
                                + count
                                + " dead letters");
            }
        }
    }

    public List<DeadLetter> seen() {
        return seen;
    }

    @Override
    public void close() {
        consumer.close();
    }
}
