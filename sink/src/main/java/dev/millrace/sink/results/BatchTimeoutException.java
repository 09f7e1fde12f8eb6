package dev.millrace.sink.results;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.sink.progress.BatchStatuses;
import java.time.Duration;

/** A batch has not ended in the time given. It goes on by itself; waiting again is fine. */
public final class BatchTimeoutException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    BatchTimeoutException(String batchId, BatchProgress last, Duration timeout) {
        super("batch '" + batchId + "' has not ended within " + timeout + ": " + describe(last));
    }

    private static String describe(BatchProgress last) {
        return last == null
                ? "nothing is known of it yet"
                : last.getStatus() + ", " + BatchStatuses.ended(last) + " of " + last.getTotal()
                + " jobs ended";
    }
}
