package dev.millrace.worker.remote;

/**
 * How many requests may be at the server: additive increase, multiplicative decrease (Chiu and
 * Jain, 1989), between a quarter of the configured maximum and the maximum, where it begins. Only
 * what was sent after the last decrease can cause another, so that one moment of overload counts
 * once.
 */
final class ConcurrencyLimit {
    private final int max;
    private final int floor;
    private double limit;
    private long decreasedMs = Long.MIN_VALUE;

    ConcurrencyLimit(int max) {
        this.max = max;
        // A few slow requests must not make all others wait in line.
        this.floor = Math.max(1, max / 4);
        this.limit = max;
    }

    int current() {
        return (int) limit;
    }

    /** A request was answered: one more per round of answers. */
    void answered() {
        limit = Math.min(max, limit + 1 / limit);
    }

    /** The server had too much to do: half as many. */
    void overloaded(long sentMs, long nowMs) {
        if (sentMs > decreasedMs) {
            limit = Math.max(floor, limit / 2);
            decreasedMs = nowMs;
        }
    }
}
