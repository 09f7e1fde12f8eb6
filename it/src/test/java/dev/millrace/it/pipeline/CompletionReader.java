package dev.millrace.it.pipeline;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroDeserializer;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads the completions topic as a consumer that must not see aborted work, and remembers every
 * record.
 */
public final class CompletionReader implements AutoCloseable {
    private final KafkaConsumer<String, Completion> consumer;
    private final List<Completion> seen = new ArrayList<>();
    private final Map<String, Map<String, String>> headers = new HashMap<>();

    public CompletionReader(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.put("isolation.level", "read_committed");
        properties.put("auto.offset.reset", "earliest");
        AvroDeserializer<Completion> values = new AvroDeserializer<>(Completion.class);
        values.configure(properties, false);
        consumer = new KafkaConsumer<>(properties, new StringDeserializer(), values);
        consumer.assign(
                consumer.partitionsFor(Topics.COMPLETIONS).stream()
                        .map(p -> new TopicPartition(p.topic(), p.partition()))
                        .toList());
        consumer.seekToBeginning(consumer.assignment());
    }

    /**
     * Reads until this many distinct jobs are answered; fails with what is missing when nothing
     * moves for a while.
     */
    public void awaitJobs(int distinct, Duration stalled) {
        long lastMove = System.nanoTime();
        while (answersPerJob().size() < distinct) {
            if (poll() > 0) {
                lastMove = System.nanoTime();
            } else if (System.nanoTime() - lastMove > stalled.toNanos()) {
                throw new AssertionError(
                        "stalled for "
                                + stalled
                                + " at "
                                + answersPerJob().size()
                                + " of "
                                + distinct
                                + " jobs");
            }
        }
    }

    /** Reads everything that is committed now. */
    public void readToEnd() {
        Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
        while (ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            poll();
        }
    }

    public List<Completion> seen() {
        return seen;
    }

    /** Headers of the last answer to a job, by name. */
    public Map<String, String> headersOf(String jobId) {
        return headers.get(jobId);
    }

    public Map<String, Long> answersPerJob() {
        return seen.stream()
                .collect(Collectors.groupingBy(Completion::getJobId, Collectors.counting()));
    }

    private int poll() {
        int before = seen.size();
        for (ConsumerRecord<String, Completion> record : consumer.poll(Duration.ofMillis(100))) {
            seen.add(record.value());
            Map<String, String> named = new HashMap<>();
            record.headers()
                    .forEach(
                            header ->
                                    named.put(
                                            header.key(),
                                            new String(header.value(), StandardCharsets.UTF_8)));
            headers.put(record.value().getJobId(), named);
        }
        return seen.size() - before;
    }

    @Override
    public void close() {
        consumer.close();
    }
}
