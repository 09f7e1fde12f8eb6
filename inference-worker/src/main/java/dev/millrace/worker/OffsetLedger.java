package dev.millrace.worker;

import org.apache.kafka.common.TopicPartition;

import java.util.Iterator;
import java.util.TreeSet;

/**
 * What is finished in one partition during one assignment of it. Only offsets that were delivered
 * count, so gaps (transaction markers, compacted records) need no case. A new assignment gets a new
 * ledger; after {@link #revoke} this one commits nothing any more, so a late finish cannot.
 *
 * <p>It stores the unfinished offsets, not the finished ones: their number is bounded by the
 * worker's buffer, however far the partition has run ahead of its slowest job. Everything else
 * between the frontier and {@code nextOffset} is finished. Owned by the worker's thread.
 */
final class OffsetLedger {
    private final TopicPartition partition;
    private final FinishedAhead finishedBefore;
    private final long replayUntil;
    private final int admissionStopChars;
    private final TreeSet<Long> unfinished = new TreeSet<>();

    private long nextOffset;
    private long committedFrontier;
    private boolean isRevoked;

    /**
     * @param committedOffset where this assignment begins
     * @param finishedBefore offsets above it that an earlier assignment has finished
     * @param replayUntil below this offset jobs may have been answered that {@code finishedBefore}
     *     does not know; written into the metadata until the frontier has passed it, so that the
     *     next owner goes on checking
     * @param admissionStopChars metadata length at which admission stops
     */
    OffsetLedger(
            TopicPartition partition,
            long committedOffset,
            FinishedAhead finishedBefore,
            long replayUntil,
            int admissionStopChars) {
        this.partition = partition;
        this.nextOffset = committedOffset;
        this.committedFrontier = committedOffset;
        this.finishedBefore = finishedBefore;
        this.replayUntil = replayUntil;
        this.admissionStopChars = admissionStopChars;
    }

    TopicPartition partition() {
        return partition;
    }

    /**
     * Notes that the broker has handed out this record; false when an earlier assignment finished
     * it: skip it.
     */
    boolean deliver(long offset) {
        if (offset < nextOffset) {
            throw new IllegalStateException(
                    partition
                            + " delivered offset "
                            + offset
                            + " where "
                            + nextOffset
                            + " or later was due; if the topic was made anew, delete the group's"
                            + " offsets");
        }
        nextOffset = offset + 1;
        return !finishedBefore.contains(offset) && unfinished.add(offset);
    }

    /**
     * @throws IllegalStateException if it was not delivered, or is finished
     */
    void finish(long offset) {
        if (!unfinished.remove(offset)) {
            throw new IllegalStateException(partition + " has no unfinished offset " + offset);
        }
    }

    /**
     * The consumer's position: everything below it was delivered or does not exist, for example a
     * marker at the end.
     */
    void observePosition(long position) {
        nextOffset = Math.max(nextOffset, position);
    }

    /**
     * Lowest unfinished offset, or where reading goes on when all is finished: what is committed.
     */
    long frontier() {
        return unfinished.isEmpty() ? nextOffset : unfinished.first();
    }

    /**
     * All that is finished above the frontier, also what an earlier assignment finished and nobody
     * has read again yet.
     */
    FinishedAhead finishedAhead() {
        FinishedAhead.Builder runs = new FinishedAhead.Builder();
        Iterator<Long> remaining = unfinished.iterator();
        long start = remaining.hasNext() ? remaining.next() + 1 : nextOffset;
        while (remaining.hasNext()) {
            long offset = remaining.next();
            runs.add(start, offset);
            start = offset + 1;
        }
        runs.add(start, nextOffset);
        for (int run = 0; run < finishedBefore.numRuns(); run++) {
            runs.add(
                    Math.max(finishedBefore.runStart(run), nextOffset), finishedBefore.runEnd(run));
        }
        return runs.build();
    }

    String metadata() {
        return FinishedAheadCodec.encode(frontier(), finishedAhead(), replayUntil);
    }

    /**
     * Whether one more job can be taken. Asks for the worst case of all orders in which the jobs
     * inside may finish, so the metadata stays below the bound whatever happens after the answer.
     * What an earlier assignment was given is always taken again (it had fitted then), and a
     * partition with nothing unfinished always may go on: no bound can wedge it.
     */
    boolean canAdmit() {
        return unfinished.isEmpty()
                || nextOffset < finishedBefore.endOr(nextOffset)
                || maxMetadataChars() < admissionStopChars;
    }

    /** Whether an earlier assignment finished this offset. */
    boolean wasFinishedBefore(long offset) {
        return finishedBefore.contains(offset);
    }

    long maxMetadataChars() {
        long end = finishedBefore.endOr(nextOffset);
        long span = Math.max(end, nextOffset + 1) - frontier();
        long runs = unfinished.size() + 2L + (end > nextOffset ? finishedBefore.numRuns() : 0);
        return FinishedAheadCodec.maxChars(span, runs);
    }

    int numUnfinished() {
        return unfinished.size();
    }

    /** Whether the frontier has moved since the last commit, be it only over markers. */
    boolean hasMoved() {
        return frontier() != committedFrontier;
    }

    void committed(long frontier) {
        committedFrontier = frontier;
    }

    void revoke() {
        isRevoked = true;
    }

    boolean isRevoked() {
        return isRevoked;
    }
}
