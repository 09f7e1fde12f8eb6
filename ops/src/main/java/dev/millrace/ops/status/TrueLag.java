package dev.millrace.ops.status;

import dev.millrace.ops.status.TopicLag.PartitionLag;
import dev.millrace.worker.FinishedAhead;
import dev.millrace.worker.FinishedAheadCodec;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Lag as it is: log end − committed offset − what is finished above it. Jobs finish out of order,
 * so the committed offset sticks at the slowest one; workers note in the metadata of each commit
 * what else is finished ({@link FinishedAheadCodec}).
 */
public final class TrueLag implements AutoCloseable {
    private static final long TIMEOUT_SECONDS = 30;
    private static final ListOffsetsOptions COMMITTED_ONLY =
            new ListOffsetsOptions(IsolationLevel.READ_COMMITTED);

    private final Admin admin;
    private final MarkerProbe markers;

    public TrueLag(Map<String, Object> clientProperties) {
        this.admin = Admin.create(clientProperties);
        this.markers = new MarkerProbe(clientProperties);
    }

    /**
     * The lag of a group on every partition of a topic.
     *
     * @throws IllegalStateException when the topic does not exist or Kafka does not answer; the
     *     message says which
     */
    public TopicLag of(String group, String topic) {
        List<TopicPartition> partitions = partitions(topic);
        Map<TopicPartition, OffsetAndMetadata> committed = committed(group, topic);
        Map<TopicPartition, Long> ends = offsets(topic, partitions, OffsetSpec.latest());
        Map<TopicPartition, Long> starts = offsets(topic, partitions, OffsetSpec.earliest());
        List<PartitionLag> lags = new ArrayList<>();
        for (TopicPartition partition : partitions) {
            PartitionLag lag =
                    lag(
                            partition.partition(),
                            ends.get(partition),
                            starts.get(partition),
                            committed.get(partition));
            lags.add(withoutMarkers(partition, lag, committed.get(partition)));
        }
        return new TopicLag(topic, group, lags);
    }

    /**
     * @param committed null when the group has committed nothing in this partition
     */
    static PartitionLag lag(int partition, long end, long start, OffsetAndMetadata committed) {
        if (committed == null || committed.offset() < start) {
            // What retention has deleted below the start can no longer be done.
            return new PartitionLag(partition, end, start, 0, 0);
        }
        long ahead =
                FinishedAheadCodec.decode(committed.offset(), committed.metadata())
                        .map(FinishedAhead::count)
                        .orElse(0L);
        return new PartitionLag(partition, end, committed.offset(), ahead, 0);
    }

    /**
     * Near the log's end markers are told from records; far from it a few of them are no matter.
     */
    private PartitionLag withoutMarkers(
            TopicPartition partition, PartitionLag lag, OffsetAndMetadata committed) {
        if (lag.records() == 0 || lag.logEnd() - lag.lowWater() > MarkerProbe.OFFSETS_MAX) {
            return lag;
        }
        FinishedAhead ahead =
                lag.finishedAhead() == 0
                        ? FinishedAhead.NONE
                        : FinishedAheadCodec.decode(committed.offset(), committed.metadata())
                                .orElse(FinishedAhead.NONE);
        long records = markers.records(partition, lag.lowWater(), lag.logEnd(), ahead);
        return lag.withMarkers(lag.records() - records);
    }

    private List<TopicPartition> partitions(String topic) {
        TopicDescription description =
                await(admin.describeTopics(List.of(topic)).topicNameValues().get(topic), topic);
        return description.partitions().stream()
                .map(info -> new TopicPartition(topic, info.partition()))
                .toList();
    }

    private Map<TopicPartition, OffsetAndMetadata> committed(String group, String topic) {
        return await(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(), topic);
    }

    private Map<TopicPartition, Long> offsets(
            String topic, List<TopicPartition> partitions, OffsetSpec spec) {
        Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
        partitions.forEach(partition -> wanted.put(partition, spec));
        Map<TopicPartition, ListOffsetsResultInfo> found =
                await(admin.listOffsets(wanted, COMMITTED_ONLY).all(), topic);
        Map<TopicPartition, Long> offsets = new HashMap<>();
        found.forEach((partition, info) -> offsets.put(partition, info.offset()));
        return offsets;
    }

    private static <T> T await(KafkaFuture<T> answer, String topic) {
        try {
            return answer.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                throw new IllegalStateException(
                        "topic " + topic + " does not exist; 'topics create' makes it",
                        e.getCause());
            }
            throw new IllegalStateException(
                    "the lag of topic " + topic + " cannot be read: " + e.getCause().getMessage(),
                    e.getCause());
        } catch (TimeoutException e) {
            throw new IllegalStateException(
                    "Kafka did not answer within " + TIMEOUT_SECONDS + " s", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(
                    "interrupted while the lag of topic " + topic + " was read", e);
        }
    }

    @Override
    public void close() {
        markers.close();
        admin.close();
    }
}
