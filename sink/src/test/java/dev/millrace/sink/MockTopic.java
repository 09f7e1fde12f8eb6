package dev.millrace.sink;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * One topic behind Kafka's mock consumer: hands out what was added, from where the consumer stands, a few
 * records per poll.
 */
public final class MockTopic {
    private static final int RECORDS_PER_POLL = 3;

    private final String name;
    private final List<List<ConsumerRecord<byte[], byte[]>>> partitions = new ArrayList<>();
    private final Map<TopicPartition, Long> ends = new HashMap<>();
    private Reader consumer;
    private Runnable beforeEachPoll = () -> {};

    public MockTopic(String name, int partitionCount) {
        this.name = name;
        for (int partition = 0; partition < partitionCount; partition++) {
            partitions.add(new ArrayList<>());
            ends.put(new TopicPartition(name, partition), 0L);
        }
        newConsumer();
    }

    /** A consumer that stands at the beginning; the one before is forgotten. */
    public MockConsumer<byte[], byte[]> newConsumer() {
        consumer = new Reader();
        List<PartitionInfo> infos = new ArrayList<>();
        Map<TopicPartition, Long> zero = new HashMap<>();
        for (TopicPartition partition : ends.keySet()) {
            infos.add(new PartitionInfo(name, partition.partition(), null, null, null));
            zero.put(partition, 0L);
        }
        consumer.updatePartitions(name, infos);
        consumer.updateBeginningOffsets(zero);
        consumer.updateEndOffsets(ends);
        return consumer;
    }

    public MockConsumer<byte[], byte[]> consumer() {
        return consumer;
    }

    /** Appends a record; a lookup by time finds the first one. */
    public void add(int partition, String key, byte[] value) {
        List<ConsumerRecord<byte[], byte[]>> log = partitions.get(partition);
        byte[] keyBytes = key == null ? null : key.getBytes(StandardCharsets.UTF_8);
        log.add(new ConsumerRecord<>(name, partition, log.size(), keyBytes, value));
        endsAt(partition, log.size());
    }

    /** Says that the partition ends there, whether or not there are records up to it. */
    public void endsAt(int partition, long offset) {
        ends.put(new TopicPartition(name, partition), offset);
        consumer.updateEndOffsets(ends);
    }

    public void beforeEachPoll(Runnable action) {
        beforeEachPoll = action;
    }

    private final class Reader extends MockConsumer<byte[], byte[]> {
        Reader() {
            super("earliest");
        }

        @Override
        public synchronized ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
            beforeEachPoll.run();
            for (TopicPartition assigned : assignment()) {
                if (!paused().contains(assigned)) {
                    fetch(assigned);
                }
            }
            return super.poll(timeout);
        }

        private void fetch(TopicPartition partition) {
            List<ConsumerRecord<byte[], byte[]>> log = partitions.get(partition.partition());
            long from = position(partition);
            for (long offset = from; offset < Math.min(log.size(), from + RECORDS_PER_POLL); offset++) {
                addRecord(log.get((int) offset));
            }
        }

        @Override
        public synchronized Map<TopicPartition, OffsetAndTimestamp> offsetsForTimes(
                Map<TopicPartition, Long> times) {
            Map<TopicPartition, OffsetAndTimestamp> found = new HashMap<>();
            times.forEach((partition, time) -> found.put(partition,
                    partitions.get(partition.partition()).isEmpty() ? null : new OffsetAndTimestamp(0, 0)));
            return found;
        }
    }
}
