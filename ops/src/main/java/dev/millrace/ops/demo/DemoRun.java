package dev.millrace.ops.demo;

import dev.millrace.ops.embedded.EmbeddedStack;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroDeserializer;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Reads the completions topic of a stack from its beginning, as any consumer would, and counts what
 * comes out.
 */
public final class DemoRun implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(100);

    private final KafkaConsumer<String, Completion> consumer;
    private final Outcome outcome;

    /**
     * @param prompts how many completions to expect
     */
    public DemoRun(EmbeddedStack stack, int prompts) {
        Map<String, Object> properties = new HashMap<>(stack.clientProperties());
        properties.put("isolation.level", "read_committed");
        properties.put("auto.offset.reset", "earliest");
        properties.put("specific.avro.reader", "true");
        AvroDeserializer<Completion> values = new AvroDeserializer<>();
        values.configure(properties, false);
        consumer = new KafkaConsumer<>(properties, new StringDeserializer(), values);
        List<TopicPartition> partitions =
                consumer.partitionsFor(Topics.COMPLETIONS).stream()
                        .map(p -> new TopicPartition(p.topic(), p.partition()))
                        .toList();
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        outcome = new Outcome(prompts);
    }

    /**
     * Reads until that many prompts have an answer or nothing has come for a while.
     *
     * @param stalled longest time without a new answer
     * @param onPoll told after every poll
     */
    public void untilAnswered(int answers, Duration stalled, Consumer<Outcome> onPoll) {
        long lastMove = System.nanoTime();
        while (outcome.answered() < answers) {
            int before = outcome.answered();
            poll();
            onPoll.accept(outcome);
            if (outcome.answered() > before) {
                lastMove = System.nanoTime();
            } else if (System.nanoTime() - lastMove > stalled.toNanos()) {
                return;
            }
        }
    }

    /** Reads what else has been committed, so that a doubled answer would be seen. */
    public void untilEnd() {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        while (ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            poll();
        }
    }

    private void poll() {
        for (ConsumerRecord<String, Completion> record : consumer.poll(POLL)) {
            outcome.add(record.value());
        }
    }

    public Outcome outcome() {
        return outcome;
    }

    @Override
    public void close() {
        consumer.close();
    }
}
