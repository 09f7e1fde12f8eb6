package dev.millrace.worker;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads the committed outputs back, a few at a time; the output topics are one partition here, but for
 * hand-overs, which have those of the jobs. */
final class SimulatedHistoryConsumer {
    private static final int SLICE = 20;

    private final SimulatedBroker broker;
    private final Map<TopicPartition, Long> positions = new LinkedHashMap<>();
    private final Set<TopicPartition> paused = new HashSet<>();

    SimulatedHistoryConsumer(SimulatedBroker broker) {
        this.broker = broker;
    }

    List<PartitionInfo> partitionsFor(String topic) {
        int count = topic.startsWith("hand-over.") ? broker.partitions.size() : 1;
        return IntStream.range(0, count)
                .mapToObj(number -> new PartitionInfo(topic, number, null, null, null))
                .toList();
    }

    void assign(Collection<TopicPartition> partitions) {
        partitions.forEach(partition -> positions.put(partition, 0L));
    }

    Map<TopicPartition, Long> endOffsets(Collection<TopicPartition> partitions) {
        Map<TopicPartition, Long> ends = new HashMap<>();
        partitions.forEach(
                partition -> ends.put(partition, (long) broker.outputs(partition).size()));
        return ends;
    }

    Map<TopicPartition, OffsetAndTimestamp> offsetsForTimes(Map<TopicPartition, Long> instants) {
        Map<TopicPartition, OffsetAndTimestamp> found = new HashMap<>();
        instants.forEach(
                (partition, instant) -> {
                    List<SimulatedBroker.Output> outputs = broker.outputs(partition);
                    found.put(partition, null);
                    for (int i = outputs.size() - 1; i >= 0; i--) {
                        if (outputs.get(i).timestampMs() >= instant) {
                            found.put(
                                    partition,
                                    new OffsetAndTimestamp(i, outputs.get(i).timestampMs()));
                        }
                    }
                });
        return found;
    }

    void pause(Collection<TopicPartition> partitions) {
        paused.addAll(partitions);
    }

    void seekToBeginning(Collection<TopicPartition> partitions) {
        partitions.forEach(partition -> positions.put(partition, 0L));
    }

    void seek(TopicPartition partition, long offset) {
        positions.put(partition, offset);
    }

    long position(TopicPartition partition) {
        return positions.get(partition);
    }

    ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        broker.faults.at("history.poll");
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> batch = new HashMap<>();
        for (TopicPartition partition : positions.keySet()) {
            List<SimulatedBroker.Output> outputs = broker.outputs(partition);
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            long end =
                    paused.contains(partition)
                            ? 0
                            : Math.min(outputs.size(), positions.get(partition) + SLICE);
            for (long offset = positions.get(partition); offset < end; offset++) {
                byte[] key = outputs.get((int) offset).key().getBytes(StandardCharsets.UTF_8);
                String text = outputs.get((int) offset).value();
                byte[] value = text == null ? null : text.getBytes(StandardCharsets.UTF_8);
                records.add(
                        new ConsumerRecord<>(
                                partition.topic(), partition.partition(), offset, key, value));
            }
            batch.put(partition, records);
            positions.merge(partition, (long) records.size(), Long::sum);
        }
        return new ConsumerRecords<>(batch, Map.of());
    }

    void close() {
        positions.clear();
    }
}
