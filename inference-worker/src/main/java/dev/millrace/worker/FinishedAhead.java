package dev.millrace.worker;

import java.util.Arrays;

/**
 * Offsets of one partition that are finished although a lower one is not: runs in rising order,
 * none touching the next. Offsets inside a run that were never delivered (transaction markers,
 * compacted records) count as finished: nobody will ever be given them.
 */
public final class FinishedAhead {
    public static final FinishedAhead NONE = new FinishedAhead(new long[0]);

    /** Start (inclusive) and end (exclusive) of each run, alternating. */
    private final long[] bounds;

    private FinishedAhead(long[] bounds) {
        this.bounds = bounds;
    }

    /** How many offsets the runs hold. */
    public long count() {
        long sum = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            sum += bounds[i + 1] - bounds[i];
        }
        return sum;
    }

    /** How many of them are at {@code offset} or above. */
    public long countFrom(long offset) {
        long sum = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            sum += Math.max(0, bounds[i + 1] - Math.max(bounds[i], offset));
        }
        return sum;
    }

    public boolean isEmpty() {
        return bounds.length == 0;
    }

    public boolean contains(long offset) {
        int index = Arrays.binarySearch(bounds, offset);
        // Found: at a start (even index) it is inside. Not found: after an odd number of bounds it
        // is between start and end.
        return index >= 0 ? index % 2 == 0 : (-index - 1) % 2 == 1;
    }

    int numRuns() {
        return bounds.length / 2;
    }

    long runStart(int run) {
        return bounds[2 * run];
    }

    long runEnd(int run) {
        return bounds[2 * run + 1];
    }

    /** End (exclusive) of the last run, or {@code otherwise} when there is none. */
    public long endOr(long otherwise) {
        return bounds.length == 0 ? otherwise : bounds[bounds.length - 1];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FinishedAhead that && Arrays.equals(bounds, that.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("[");
        for (int i = 0; i < bounds.length; i += 2) {
            text.append(i == 0 ? "" : " ").append(bounds[i]).append("..").append(bounds[i + 1] - 1);
        }
        return text.append(']').toString();
    }

    /** Takes runs in rising order; joins those that touch. */
    static final class Builder {
        private long[] bounds = new long[16];
        private int length;

        /** Empty runs are left out. */
        Builder add(long start, long end) {
            if (start >= end) {
                return this;
            }
            if (length > 0 && start < bounds[length - 1]) {
                throw new IllegalArgumentException(
                        "run "
                                + start
                                + ".."
                                + (end - 1)
                                + " begins before offset "
                                + bounds[length - 1]);
            }
            if (length > 0 && start == bounds[length - 1]) {
                bounds[length - 1] = end;
                return this;
            }
            if (length == bounds.length) {
                bounds = Arrays.copyOf(bounds, 2 * length);
            }
            bounds[length++] = start;
            bounds[length++] = end;
            return this;
        }

        FinishedAhead build() {
            return length == 0 ? NONE : new FinishedAhead(Arrays.copyOf(bounds, length));
        }
    }
}
