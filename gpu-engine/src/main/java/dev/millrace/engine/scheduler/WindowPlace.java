package dev.millrace.engine.scheduler;

import java.util.Arrays;

/**
 * Where a sequence stands in the window. The natural order is that of admission: higher priority
 * first, then depth first through the prefix tree, that is by path (equal up to where the prefixes
 * are; a path before its continuations), then earlier arrival.
 */
final class WindowPlace implements Comparable<WindowPlace> {
    private static final long[] NO_PATH = {};

    final int priority;
    final long[] path;
    final long arrival;

    /** Null for a place that only marks where to go on. */
    final Sequence sequence;

    /** In order of arrival it would be admitted when so many have been since start. */
    final long turn;

    private WindowPlace(int priority, long[] path, long arrival, Sequence sequence, long turn) {
        this.priority = priority;
        this.path = path;
        this.arrival = arrival;
        this.sequence = sequence;
        this.turn = turn;
    }

    /** The place of a sequence that waits, whose table has its path. */
    static WindowPlace of(Sequence sequence, long turn) {
        return new WindowPlace(
                sequence.request().request().priority(),
                sequence.blocks().path(),
                sequence.arrival(),
                sequence,
                turn);
    }

    /** Before all others of a priority. */
    static WindowPlace start(int priority) {
        return new WindowPlace(priority, NO_PATH, -1, null, 0);
    }

    /** Behind all others of a priority. */
    static WindowPlace end(int priority) {
        return new WindowPlace(priority, new long[] {Long.MAX_VALUE}, 0, null, 0);
    }

    /** The same place among those of another priority. */
    WindowPlace at(int otherPriority) {
        return otherPriority == priority
                ? this
                : new WindowPlace(otherPriority, path, arrival, null, 0);
    }

    /** Behind all that share the first {@code depth} blocks with this one. */
    WindowPlace behindSubtree(int depth) {
        long[] behind = Arrays.copyOf(path, depth + 1);
        behind[depth] = Long.MAX_VALUE;
        return new WindowPlace(priority, behind, arrival, null, 0);
    }

    /** Just before this one. */
    WindowPlace justBefore() {
        return new WindowPlace(priority, path, arrival - 1, null, 0);
    }

    @Override
    public int compareTo(WindowPlace other) {
        int order = Integer.compare(other.priority, priority);
        if (order == 0) {
            order = Arrays.compare(path, other.path);
        }
        return order != 0 ? order : Long.compare(arrival, other.arrival);
    }
}
