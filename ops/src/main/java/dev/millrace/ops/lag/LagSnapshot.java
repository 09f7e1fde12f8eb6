package dev.millrace.ops.lag;

import dev.millrace.schemas.Topics;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * How much is unfinished at one instant.
 *
 * @param topics in the order a record passes them
 * @param batches by batch, over prompts and ready topics together
 */
public record LagSnapshot(
        Instant at, String pool, List<TopicView> topics, Map<String, Amount> batches) {

    /**
     * So much work.
     *
     * @param records that are not finished
     * @param promptTokens of their prompts, as estimated at admission
     * @param secondsLeft at the rate of the last half minute; empty when nothing moves
     * @param oldestAt timestamp of the oldest of them, null when there is none
     */
    public record Amount(
            long records, long promptTokens, OptionalDouble secondsLeft, Instant oldestAt) {

        /** Age of the oldest record, seconds; 0 when there is none. */
        public double oldestAgeSeconds(Instant now) {
            return oldestAt == null
                    ? 0
                    : Math.max(0, now.toEpochMilli() - oldestAt.toEpochMilli()) / 1000.0;
        }
    }

    /**
     * One topic and its group.
     *
     * @param unattributed of the records, those whose headers have not been read yet; they are in
     *     no tenant's and no batch's amount
     */
    public record TopicView(
            String topic,
            String group,
            Amount total,
            long unattributed,
            Map<String, Amount> tenants,
            List<PartitionView> partitions) {

        /** Whether its records are jobs that still have to run. */
        public boolean isWork() {
            return !topic.equals(Topics.COMPLETIONS);
        }

        public TopicView {
            tenants = Map.copyOf(tenants);
            partitions = List.copyOf(partitions);
        }
    }

    /**
     * One partition.
     *
     * @param idleSeconds since a record last finished here while there was one to finish; 0 when
     *     nothing is unfinished
     */
    public record PartitionView(int partition, long records, double idleSeconds) {}

    public LagSnapshot {
        topics = List.copyOf(topics);
        batches = Map.copyOf(batches);
    }

    /** Records that are published and not finished by a worker: all topics but the sink's. */
    public long records() {
        return topics.stream()
                .filter(TopicView::isWork)
                .mapToLong(topic -> topic.total().records())
                .sum();
    }
}
