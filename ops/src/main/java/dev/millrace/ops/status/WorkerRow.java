package dev.millrace.ops.status;

import dev.millrace.schemas.WorkerStats;

import java.time.Duration;
import java.time.Instant;

/**
 * A worker as status shows it.
 *
 * @param silentFor since its last word
 */
public record WorkerRow(WorkerStats stats, Duration silentFor) {
    /** Workers report every second; after this long without a word one counts as lost. */
    static final Duration LOST_AFTER = Duration.ofSeconds(15);

    private static final String STOPPED = "STOPPED";
    private static final String LOST = "LOST";

    static WorkerRow of(WorkerStats stats, Instant now) {
        Duration silent = Duration.between(stats.getAt(), now);
        return new WorkerRow(stats, silent.isNegative() ? Duration.ZERO : silent);
    }

    /** What it said last, or LOST when it has not said that it stopped and is silent. */
    public String state() {
        return isLost() ? LOST : stats.getState();
    }

    /** Whether its rates say something about now. */
    public boolean isLive() {
        return !isLost() && !stats.getState().equals(STOPPED);
    }

    private boolean isLost() {
        return !stats.getState().equals(STOPPED) && silentFor.compareTo(LOST_AFTER) > 0;
    }
}
