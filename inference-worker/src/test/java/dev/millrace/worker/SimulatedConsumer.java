package dev.millrace.worker;

import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** A static member of the group, by the methods that a worker calls (see {@link ByName}). */
final class SimulatedConsumer {
    final String instanceId;
    private final SimulatedBroker broker;
    private final int maxPollRecords;
    private final Map<TopicPartition, Long> positions = new LinkedHashMap<>();
    private final Set<TopicPartition> paused = new HashSet<>();
    private ConsumerRebalanceListener listener;
    private int generation;

    SimulatedConsumer(SimulatedBroker broker, String instanceId, int maxPollRecords) {
        this.broker = broker;
        this.instanceId = instanceId;
        this.maxPollRecords = maxPollRecords;
    }

    void subscribe(Collection<String> topics, ConsumerRebalanceListener rebalanceListener) {
        listener = rebalanceListener;
        broker.join(this);
    }

    ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        broker.faults.at("poll");
        broker.clock.advance(timeout);
        rebalance();
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> batch = new LinkedHashMap<>();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        int room = maxPollRecords;
        for (TopicPartition partition : positions.keySet()) {
            if (paused.contains(partition)) {
                continue;
            }
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            TreeMap<Long, ConsumerRecord<byte[], byte[]>> log = broker.logs.get(partition);
            for (ConsumerRecord<byte[], byte[]> record :
                    log.tailMap(positions.get(partition)).values()) {
                if (room-- <= 0) {
                    break;
                }
                records.add(record);
            }
            boolean reachedEnd =
                    records.isEmpty()
                            ? log.tailMap(positions.get(partition)).isEmpty()
                            : log.lastKey() == records.getLast().offset();
            if (reachedEnd) {
                positions.put(partition, broker.logEnds.get(partition));
            } else if (!records.isEmpty()) {
                positions.put(partition, records.getLast().offset() + 1);
            }
            if (!records.isEmpty()) {
                batch.put(partition, records);
            }
        }
        return new ConsumerRecords<>(batch, next);
    }

    private void rebalance() {
        if (!broker.isMember(this)) {
            List<TopicPartition> lost = List.copyOf(positions.keySet());
            positions.clear();
            paused.clear();
            if (!lost.isEmpty()) {
                listener.onPartitionsLost(lost);
            }
            broker.join(this);
        }
        // The new generation is known before the callbacks run, as with the cooperative protocol.
        generation = broker.generation;
        List<TopicPartition> revoked =
                positions.keySet().stream()
                        .filter(partition -> broker.targetOf(partition) != this)
                        .toList();
        if (!revoked.isEmpty()) {
            listener.onPartitionsRevoked(revoked);
            positions.keySet().removeAll(revoked);
            paused.removeAll(revoked);
            broker.owners.keySet().removeAll(revoked);
        }
        List<TopicPartition> assigned =
                broker.partitions.stream()
                        .filter(
                                partition ->
                                        broker.targetOf(partition) == this
                                                && !broker.owners.containsKey(partition))
                        .toList();
        if (!assigned.isEmpty()) {
            for (TopicPartition partition : assigned) {
                broker.owners.put(partition, this);
                OffsetAndMetadata offset = broker.committed.get(partition);
                positions.put(partition, offset == null ? 0 : offset.offset());
            }
            listener.onPartitionsAssigned(assigned);
        }
    }

    Map<TopicPartition, OffsetAndMetadata> committed(Set<TopicPartition> wanted) {
        broker.faults.at("committed");
        Map<TopicPartition, OffsetAndMetadata> found = new HashMap<>();
        wanted.forEach(partition -> found.put(partition, broker.committed.get(partition)));
        return found;
    }

    void seek(TopicPartition partition, OffsetAndMetadata offset) {
        seek(partition, offset.offset());
    }

    void seek(TopicPartition partition, long offset) {
        if (positions.replace(partition, offset) == null) {
            throw new IllegalStateException(partition + " is not assigned");
        }
    }

    long position(TopicPartition partition, Duration timeout) {
        return positions.get(partition);
    }

    Map<TopicPartition, Long> endOffsets(Collection<TopicPartition> wanted) {
        Map<TopicPartition, Long> ends = new HashMap<>();
        wanted.forEach(partition -> ends.put(partition, broker.logEnds.get(partition)));
        return ends;
    }

    Set<TopicPartition> paused() {
        return Set.copyOf(paused);
    }

    void pause(Collection<TopicPartition> wanted) {
        for (TopicPartition partition : wanted) {
            if (!positions.containsKey(partition)) {
                throw new IllegalStateException(partition + " is not assigned");
            }
        }
        paused.addAll(wanted);
    }

    void resume(Collection<TopicPartition> wanted) {
        paused.removeAll(wanted);
    }

    @SuppressWarnings("removal") // the only way to make one outside Kafka's own packages
    ConsumerGroupMetadata groupMetadata() {
        return new ConsumerGroupMetadata(
                "group",
                generation,
                Integer.toHexString(System.identityHashCode(this)),
                Optional.of(instanceId));
    }

    void close(CloseOptions options) {
        if (options.groupMembershipOperation() == GroupMembershipOperation.LEAVE_GROUP) {
            broker.remove(this);
        }
    }
}
