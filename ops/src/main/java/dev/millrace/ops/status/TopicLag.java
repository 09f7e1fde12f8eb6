package dev.millrace.ops.status;

import java.util.List;

/**
 * How far a consumer group is behind a topic, in records that are really unfinished.
 *
 * @param partitions in order of their number
 */
public record TopicLag(String topic, String group, List<PartitionLag> partitions) {

    /**
     * One partition.
     *
     * @param logEnd the offset after the last committed record
     * @param lowWater the committed offset, or the log's start when the group has committed nothing yet
     * @param finishedAhead offsets above the low-water mark that are finished all the same
     * @param markers offsets above it that are known to hold no record; looked for near the log's end only
     */
    public record PartitionLag(int partition, long logEnd, long lowWater, long finishedAhead, long markers) {
        /**
         * Offsets that are not finished. Far from the log's end transaction markers count too; there is about
         * one per transaction.
         */
        public long records() {
            return Math.max(0, logEnd - lowWater - finishedAhead - markers);
        }

        PartitionLag withMarkers(long found) {
            return new PartitionLag(partition, logEnd, lowWater, finishedAhead, found);
        }
    }

    public TopicLag {
        partitions = List.copyOf(partitions);
    }

    /** Unfinished offsets over all partitions. */
    public long records() {
        return partitions.stream().mapToLong(PartitionLag::records).sum();
    }

    /** What tools that know only the committed offset show: too much whenever jobs finish out of order. */
    public long committedLag() {
        return partitions.stream()
                .mapToLong(partition -> Math.max(0, partition.logEnd() - partition.lowWater())).sum();
    }
}
