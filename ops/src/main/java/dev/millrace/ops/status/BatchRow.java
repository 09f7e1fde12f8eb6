package dev.millrace.ops.status;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.sink.progress.BatchStatuses;
import java.time.Duration;
import java.util.OptionalDouble;

/**
 * A batch as status shows it.
 *
 * @param jobsPerSecond jobs that end per second: measured if there are several looks at it, else the mean
 *     since it began
 * @param holdReason why nothing of it can go on now; null when nothing is known to hold it
 */
public record BatchRow(BatchProgress progress, OptionalDouble jobsPerSecond, String holdReason) {

    /**
     * @param measured rate over the last looks; empty at the first one
     * @param holdReason or null
     */
    static BatchRow of(BatchProgress progress, OptionalDouble measured, String holdReason) {
        if (BatchStatuses.hasEnded(progress.getStatus())) {
            return new BatchRow(progress, mean(progress), null);
        }
        return new BatchRow(progress, measured.isPresent() ? measured : mean(progress), holdReason);
    }

    /** Jobs that ended, in whichever way. */
    public long ended() {
        return BatchStatuses.ended(progress);
    }

    /** Whether nothing more will happen. */
    public boolean hasEnded() {
        return BatchStatuses.hasEnded(progress.getStatus());
    }

    /**
     * Time left at the present rate, for the jobs admitted so far; empty when nothing moves or nothing is
     * left.
     */
    public OptionalDouble secondsLeft() {
        long left = progress.getTotal() - ended();
        return hasEnded() || left <= 0 || jobsPerSecond.isEmpty() || jobsPerSecond.getAsDouble() <= 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(left / jobsPerSecond.getAsDouble());
    }

    private static OptionalDouble mean(BatchProgress progress) {
        if (progress.getInProgressAt() == null) {
            return OptionalDouble.empty();
        }
        double seconds = Duration.between(progress.getInProgressAt(), progress.getUpdatedAt())
                .toMillis() / 1000.0;
        long ended = BatchStatuses.ended(progress);
        return seconds <= 0 || ended == 0 ? OptionalDouble.empty() : OptionalDouble.of(ended / seconds);
    }
}
