package dev.millrace.worker;

import dev.millrace.schemas.HandOver;
import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What former owners of this worker's partitions have generated for jobs that they let go. A
 * partition's hand-overs are read when it is assigned; until then the partition waits, paused, but
 * not for long: a hand-over saves work, and nothing is wrong without it. What cannot be read, what
 * comes of another checkpoint and what there is no room for is left out, and those jobs begin anew.
 */
final class HandOvers implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HandOvers.class);
    private static final Duration SLICE = Duration.ofMillis(20);

    /** Longest wait for a partition's hand-overs, for example behind somebody's open transaction. */
    static final Duration PATIENCE = Duration.ofSeconds(5);

    /** Most tokens kept: 64 MiB. */
    private static final long MAX_TOKENS = 16L << 20;

    private final WorkerContext context;
    private final WorkerClients clients;
    private final Deserializer<?> deserializer;
    private final String fingerprint;

    /**
     * What is known of a job.
     *
     * @param tokens generated, by choice; empty if there are none
     * @param failures how often an engine broke while it had the job
     */
    record Former(List<int[]> tokens, int failures) {
        int numTokens() {
            return tokens.stream().mapToInt(choice -> choice.length).sum();
        }
    }

    /** By partition number and job id. */
    private final Map<Integer, Map<String, Former>> found = new HashMap<>();

    /** Ends of the partitions that are being read. */
    private final Map<TopicPartition, Long> ends = new HashMap<>();

    private Consumer<byte[], byte[]> consumer;
    private long giveUpMs;
    private long numTokens;

    /**
     * @param fingerprint of the checkpoint that runs here; null where nobody can tell, then nothing
     *     is read
     */
    HandOvers(
            WorkerContext context,
            WorkerClients clients,
            Deserializer<?> deserializer,
            String fingerprint) {
        this.context = context;
        this.clients = clients;
        this.deserializer = deserializer;
        this.fingerprint = fingerprint;
    }

    /** The hand-over topic that belongs to a partition of a ready topic. */
    static String topicOf(TopicPartition ready) {
        return Topics.handOver(Topics.poolOf(ready.topic()));
    }

    /** Whether hand-overs can be written and read. */
    boolean isEnabled() {
        return fingerprint != null;
    }

    /** Begins to read what there is for partitions just assigned. */
    void assigned(Collection<TopicPartition> ready) {
        if (!isEnabled() || ready.isEmpty()) {
            return;
        }
        try {
            begin(ready);
        } catch (RuntimeException e) {
            withoutThem(e);
        }
    }

    private void begin(Collection<TopicPartition> ready) {
        closeConsumer();
        findEnds(topicOf(ready.iterator().next()), ready);
        if (ends.isEmpty()) {
            return;
        }
        List<TopicPartition> toRead = List.copyOf(ends.keySet());
        consumer = clients.newHistoryConsumer(IsolationLevel.READ_COMMITTED);
        consumer.assign(toRead);
        consumer.seekToBeginning(toRead);
        giveUpMs = context.clock().millis() + PATIENCE.toMillis();
        caughtUp();
    }

    /** Notes where the partitions end; those that never had a hand-over need no reading. */
    private void findEnds(String topic, Collection<TopicPartition> ready) {
        // Without regard to open transactions: the former owner's last commit counts, also while its
        // markers are on their way.
        try (Consumer<byte[], byte[]> uncommitted =
                clients.newHistoryConsumer(IsolationLevel.READ_UNCOMMITTED)) {
            List<PartitionInfo> known = uncommitted.partitionsFor(topic);
            if (known == null || known.isEmpty()) {
                LOG.warn("topic {} does not exist: interrupted jobs begin anew", topic);
                return;
            }
            Set<Integer> numbers =
                    known.stream().map(PartitionInfo::partition).collect(Collectors.toSet());
            List<TopicPartition> assigned =
                    ready.stream()
                            .filter(partition -> numbers.contains(partition.partition()))
                            .map(partition -> new TopicPartition(topic, partition.partition()))
                            .toList();
            uncommitted.assign(assigned);
            ends.putAll(uncommitted.endOffsets(assigned));
            ends.values().removeIf(end -> end == 0);
        }
    }

    /** Whether a partition of the ready topic must wait until its hand-overs are read. */
    boolean holds(TopicPartition ready) {
        return !ends.isEmpty()
                && ends.containsKey(new TopicPartition(topicOf(ready), ready.partition()));
    }

    boolean isBusy() {
        return !ends.isEmpty();
    }

    /** Reads a slice if any partition waits for it. */
    void advance() {
        if (ends.isEmpty()) {
            return;
        }
        try {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(SLICE)) {
                take(record);
            }
            caughtUp();
        } catch (RuntimeException e) {
            withoutThem(e);
        }
        if (!ends.isEmpty() && context.clock().millis() >= giveUpMs) {
            LOG.warn("the hand-overs of {} do not come; their jobs begin anew", ends.keySet());
            stopReading();
        }
    }

    /** Hands out, once, what is known of a job of a partition; null if nothing is. */
    Former take(TopicPartition ready, String jobId) {
        return take(ready.partition(), jobId);
    }

    /** The partition has gone. */
    void forget(TopicPartition ready) {
        if (!isEnabled()) {
            return;
        }
        Map<String, Former> gone = found.remove(ready.partition());
        if (gone != null) {
            gone.values().forEach(former -> numTokens -= former.numTokens());
        }
        ends.remove(new TopicPartition(topicOf(ready), ready.partition()));
        if (ends.isEmpty()) {
            closeConsumer();
        }
    }

    @Override
    public void close() {
        stopReading();
        found.clear();
    }

    private Former take(int partition, String jobId) {
        Map<String, Former> ofPartition = found.get(partition);
        Former former = ofPartition == null ? null : ofPartition.remove(jobId);
        numTokens -= former == null ? 0 : former.numTokens();
        return former;
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null) {
            return;
        }
        take(record.partition(), new String(record.key(), StandardCharsets.UTF_8));
        if (record.value() == null) {
            return;
        }
        try {
            Object value =
                    deserializer.deserialize(record.topic(), record.headers(), record.value());
            HandOver handOver = (HandOver) value;
            if (fingerprint.equals(handOver.getModelFingerprint())) {
                keep(record.partition(), handOver);
            }
        } catch (RuntimeException e) {
            LOG.warn(
                    "{}-{} offset {} is no hand-over: {}",
                    record.topic(),
                    record.partition(),
                    record.offset(),
                    e.getMessage());
        }
    }

    private void keep(int partition, HandOver handOver) {
        boolean hasRoom = numTokens < MAX_TOKENS;
        if (!hasRoom && handOver.getFailures() == 0) {
            return;
        }
        List<int[]> tokens =
                !hasRoom
                        ? List.of()
                        : handOver.getChoices().stream()
                                .map(c -> c.stream().mapToInt(Integer::intValue).toArray())
                                .toList();
        Former former = new Former(tokens, handOver.getFailures());
        found.computeIfAbsent(partition, number -> new HashMap<>())
                .put(handOver.getJobId(), former);
        numTokens += former.numTokens();
    }

    private void caughtUp() {
        ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
        if (ends.isEmpty()) {
            closeConsumer();
        }
    }

    /** Better to compute something again than to stop for what only saves work. */
    private void withoutThem(RuntimeException reason) {
        LOG.warn("hand-overs cannot be read, jobs begin anew: {}", reason.toString());
        stopReading();
    }

    private void stopReading() {
        ends.clear();
        closeConsumer();
    }

    private void closeConsumer() {
        if (consumer != null) {
            consumer.close();
            consumer = null;
        }
    }
}
