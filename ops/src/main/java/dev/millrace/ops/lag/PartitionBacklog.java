package dev.millrace.ops.lag;

import dev.millrace.worker.FinishedAhead;

import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.function.ObjLongConsumer;

/**
 * The records of one partition from the committed offset on, as far as their headers have been
 * read: for each its offset, owner, prompt tokens and timestamp, 20 bytes in all, never the record.
 * Offsets that hold no record (transaction markers) are never seen and so never counted.
 */
final class PartitionBacklog {
    private static final int CHUNK = 1024;

    /** How many records per look are searched for the oldest one of each owner. */
    private static final int OLDEST_WALK_MAX = 16_384;

    private final Deque<Chunk> chunks = new ArrayDeque<>();
    private long lowWater;
    private long unfinished;
    private long finishedAhead;

    /** A run of records in order; {@code offset = base + delta}. */
    private static final class Chunk {
        final long base;
        final int[] deltas = new int[CHUNK];
        final int[] tokens = new int[CHUNK];
        final int[] ageKeys = new int[CHUNK];
        final Tally[] owners = new Tally[CHUNK];
        final BitSet done = new BitSet();
        final long baseMs;
        int first;
        int count;

        Chunk(long base, long baseMs) {
            this.base = base;
            this.baseMs = baseMs;
        }

        boolean takes(long offset) {
            return count < CHUNK && offset - base <= Integer.MAX_VALUE;
        }

        boolean isComplete() {
            return first + done.cardinality() >= count;
        }

        long offset(int i) {
            return base + deltas[i];
        }

        /** Timestamp to the tenth of a second, which keeps decades in an int. */
        long timestampMs(int i) {
            return baseMs + 100L * ageKeys[i];
        }
    }

    PartitionBacklog(long lowWater) {
        this.lowWater = lowWater;
    }

    /** Records held, finished ones above the committed offset included. */
    long tracked() {
        return unfinished + finishedAhead;
    }

    /** Records held that are not finished. */
    long unfinished() {
        return unfinished;
    }

    long lowWater() {
        return lowWater;
    }

    void add(long offset, Tally owner, int tokens, long timestampMs) {
        Chunk last = chunks.peekLast();
        if (last == null || !last.takes(offset)) {
            last = new Chunk(offset, timestampMs);
            chunks.addLast(last);
        }
        last.deltas[last.count] = (int) (offset - last.base);
        last.tokens[last.count] = tokens;
        last.ageKeys[last.count] =
                (int)
                        Math.clamp(
                                (timestampMs - last.baseMs) / 100,
                                Integer.MIN_VALUE,
                                Integer.MAX_VALUE);
        last.owners[last.count] = owner;
        last.count++;
        owner.arrived(tokens);
        unfinished++;
    }

    /**
     * Takes what the group has committed.
     *
     * @return false when the group has gone back, for example by a reset tool: then nothing here is
     *     right any more, and the partition must be read again from the committed offset
     */
    boolean commit(long committed, FinishedAhead ahead) {
        if (committed < lowWater) {
            return false;
        }
        dropBelow(committed);
        lowWater = committed;
        if (!ahead.isEmpty()) {
            long end = ahead.endOr(committed);
            for (Chunk chunk : chunks) {
                if (chunk.base >= end) {
                    break;
                }
                if (!chunk.isComplete()) {
                    mark(chunk, ahead);
                }
            }
        }
        return finishedAhead <= ahead.count();
    }

    private void mark(Chunk chunk, FinishedAhead ahead) {
        for (int i = chunk.first; i < chunk.count; i++) {
            if (!chunk.done.get(i - chunk.first) && ahead.contains(chunk.offset(i))) {
                finish(chunk, i);
                chunk.done.set(i - chunk.first);
                finishedAhead++;
            }
        }
    }

    private void finish(Chunk chunk, int i) {
        chunk.owners[i].finished(chunk.tokens[i]);
        unfinished--;
    }

    private void dropBelow(long offset) {
        while (!chunks.isEmpty()) {
            Chunk chunk = chunks.peekFirst();
            int keep = chunk.first;
            while (keep < chunk.count && chunk.offset(keep) < offset) {
                if (chunk.done.get(keep - chunk.first)) {
                    finishedAhead--;
                } else {
                    finish(chunk, keep);
                }
                keep++;
            }
            shift(chunk, keep);
            if (keep < chunk.count) {
                return;
            }
            chunks.removeFirst();
        }
    }

    /** Bits count from the first record that is left, so that complete chunks are known at once. */
    private static void shift(Chunk chunk, int keep) {
        int by = keep - chunk.first;
        if (by == 0) {
            return;
        }
        BitSet left = chunk.done.get(by, Math.max(by, chunk.done.length()));
        chunk.done.clear();
        chunk.done.or(left);
        chunk.first = keep;
    }

    /** Forgets everything; what was unfinished is taken back from its owners. */
    void restart(long from) {
        for (Chunk chunk : chunks) {
            for (int i = chunk.first; i < chunk.count; i++) {
                if (!chunk.done.get(i - chunk.first)) {
                    chunk.owners[i].forgot(chunk.tokens[i]);
                }
            }
        }
        chunks.clear();
        unfinished = 0;
        finishedAhead = 0;
        lowWater = from;
    }

    /**
     * Tells the timestamp of unfinished records, oldest first. An owner that does not appear among
     * the first ones has none older than the last that does.
     */
    void visitOldest(ObjLongConsumer<Tally> visitor) {
        int walked = 0;
        for (Chunk chunk : chunks) {
            if (chunk.isComplete()) {
                continue;
            }
            for (int i = chunk.first; i < chunk.count; i++) {
                if (!chunk.done.get(i - chunk.first)) {
                    visitor.accept(chunk.owners[i], chunk.timestampMs(i));
                    if (++walked >= OLDEST_WALK_MAX) {
                        return;
                    }
                }
            }
        }
    }
}
