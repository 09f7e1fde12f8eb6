package dev.millrace.worker;

import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * As much of a broker as exactly once leans on: partitions with gaps, group generations with
 * cooperative handover, committed offsets with metadata, transactional ids with epochs, and the
 * read_committed view of the outputs. One thread.
 */
final class SimulatedBroker {

    /** What goes wrong, and when; a test decides. Each call may throw. */
    interface Faults {
        Faults NONE = point -> {};

        /**
         * @param point where in the protocol, for example {@code "commit.before"}
         */
        void at(String point);
    }

    /** An output that read_committed consumers see. */
    record Output(String topic, int partition, String key, String value, long timestampMs) {}

    final ManualClock clock;
    final List<TopicPartition> partitions = new ArrayList<>();
    final Map<TopicPartition, TreeMap<Long, ConsumerRecord<byte[], byte[]>>> logs = new HashMap<>();
    final Map<TopicPartition, Long> logEnds = new HashMap<>();
    final Map<TopicPartition, OffsetAndMetadata> committed = new HashMap<>();
    final List<Output> outputs = new ArrayList<>();
    final Map<String, Integer> answers = new HashMap<>();
    final Map<String, Integer> producerEpochs = new HashMap<>();
    Faults faults = Faults.NONE;

    /** Members by instance id. */
    final TreeMap<String, SimulatedConsumer> members = new TreeMap<>();

    final Map<TopicPartition, SimulatedConsumer> owners = new HashMap<>();
    int generation;

    SimulatedBroker(ManualClock clock, int numPartitions) {
        this.clock = clock;
        for (int i = 0; i < numPartitions; i++) {
            TopicPartition partition = new TopicPartition(Topics.ready("pool"), i);
            partitions.add(partition);
            logs.put(partition, new TreeMap<>());
            logEnds.put(partition, 0L);
        }
    }

    /**
     * @param gap offsets that exist for nobody before this record, as transaction markers and
     *     compaction leave them
     */
    void append(int partition, String value, int gap) {
        TopicPartition topicPartition = partitions.get(partition);
        long offset = logEnds.get(topicPartition) + gap;
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        logs.get(topicPartition)
                .put(
                        offset,
                        new ConsumerRecord<>(
                                topicPartition.topic(),
                                partition,
                                offset,
                                clock.millis(),
                                TimestampType.CREATE_TIME,
                                0,
                                bytes.length,
                                null,
                                bytes,
                                new RecordHeaders(),
                                Optional.empty()));
        logEnds.put(topicPartition, offset + 1);
    }

    /** A marker at the end: the log grows by an offset that nobody is given. */
    void appendMarker(int partition) {
        logEnds.merge(partitions.get(partition), 1L, Long::sum);
    }

    /** Which member shall own a partition once its present owner has let go. */
    SimulatedConsumer targetOf(TopicPartition partition) {
        if (members.isEmpty()) {
            return null;
        }
        return new ArrayList<>(members.values()).get(partition.partition() % members.size());
    }

    void join(SimulatedConsumer member) {
        SimulatedConsumer predecessor = members.put(member.instanceId, member);
        owners.values().removeIf(owner -> owner == predecessor && owner != member);
        generation++;
    }

    /** The member leaves, or is thrown out without knowing it. */
    void remove(SimulatedConsumer member) {
        if (members.remove(member.instanceId, member)) {
            owners.values().removeIf(owner -> owner == member);
            generation++;
        }
    }

    boolean isMember(SimulatedConsumer member) {
        return members.get(member.instanceId) == member;
    }

    void commit(
            List<ProducerRecord<byte[], byte[]>> records,
            Map<TopicPartition, OffsetAndMetadata> offsets) {
        for (ProducerRecord<byte[], byte[]> record : records) {
            String key = new String(record.key(), StandardCharsets.UTF_8);
            outputs.add(
                    new Output(
                            record.topic(),
                            record.partition() == null ? 0 : record.partition(),
                            key,
                            record.value() == null
                                    ? null
                                    : new String(record.value(), StandardCharsets.UTF_8),
                            clock.millis()));
            // A letter without bytes only tells more about a job that has its completion.
            boolean isLetter =
                    record.topic().equals(Topics.DEAD_LETTERS) && record.value().length > 0;
            if (record.topic().equals(Topics.COMPLETIONS) || isLetter) {
                answers.merge(
                        record.topic().equals(Topics.COMPLETIONS) ? key : outputs.getLast().value(),
                        1,
                        Integer::sum);
            }
        }
        committed.putAll(offsets);
    }

    /** Publishes an order, in the words of {@link TestJobs#CONTROLS}. */
    void order(String words) {
        outputs.add(new Output(Topics.CONTROL, 0, "", words, clock.millis()));
    }

    boolean isAnswered(String jobId) {
        return answers.containsKey(jobId);
    }

    List<Output> outputs(String topic) {
        return outputs.stream().filter(output -> output.topic().equals(topic)).toList();
    }

    /** What one partition of an output topic holds. */
    List<Output> outputs(TopicPartition partition) {
        return outputs(partition.topic()).stream()
                .filter(output -> output.partition() == partition.partition())
                .toList();
    }

    /** Values of the jobs on {@code ready} that have no answer, for a report. */
    TreeSet<String> unanswered() {
        TreeSet<String> missing = new TreeSet<>();
        logs.values()
                .forEach(
                        log ->
                                log.values()
                                        .forEach(
                                                record ->
                                                        missing.add(
                                                                new String(
                                                                        record.value(),
                                                                        StandardCharsets.UTF_8))));
        missing.removeAll(answers.keySet());
        return missing;
    }

    /** The clients of one worker process. */
    WorkerClients clients(String workerId, int maxPollRecords) {
        SimulatedBroker broker = this;
        return new WorkerClients() {
            @Override
            @SuppressWarnings("unchecked") // a class literal has no type arguments
            public Consumer<byte[], byte[]> newConsumer() {
                return ByName.implement(
                        Consumer.class, new SimulatedConsumer(broker, workerId, maxPollRecords));
            }

            @Override
            @SuppressWarnings("unchecked") // a class literal has no type arguments
            public Producer<byte[], byte[]> newProducer() {
                return ByName.implement(Producer.class, new SimulatedProducer(broker, workerId));
            }

            @Override
            @SuppressWarnings("unchecked") // a class literal has no type arguments
            public Consumer<byte[], byte[]> newHistoryConsumer(IsolationLevel isolation) {
                return ByName.implement(Consumer.class, new SimulatedHistoryConsumer(broker));
            }
        };
    }
}
