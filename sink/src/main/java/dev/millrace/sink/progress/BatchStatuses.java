package dev.millrace.sink.progress;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.SubmissionProgress;

import java.util.Map;

/**
 * The status of a batch as a function of its counts.
 *
 * <pre>
 * VALIDATING    nothing admitted, nothing finished
 * CANCELLING    someone asked to cancel it, and it is not complete yet
 * IN_PROGRESS   jobs are known and some may be open
 * FINALIZING    as many jobs ended as were published, but ingest's last counts have not come in yet
 * COMPLETED, EXPIRED, CANCELLED    complete; the latter two when at least one job ended so (CANCELLED first,
 *               and always when a cancel was asked for before)
 * </pre>
 *
 * A batch is <em>complete</em> when its latest run is sealed, ingest has seen every line of every
 * sealed run, and as many jobs ended as were admitted. A run that was never sealed (its submitter
 * crashed) does not stand in the way once a later run is: the later one published the whole file
 * again, and what the first had published counts as duplicates there. Counts only grow, so the
 * status only moves down the table, except that a new run (or more jobs) reopens a batch that had
 * ended.
 *
 * <p>FAILED belongs to who takes a batch in; counts alone never say it. A cancelled batch whose
 * submitter never seals stays CANCELLING, since more of its jobs may come; one whose jobs came
 * without a submitter is complete when all that are known have ended.
 */
public final class BatchStatuses {
    private BatchStatuses() {}

    /** The status that the counts of {@code batch} say, whatever its status field holds. */
    public static BatchStatus of(BatchProgress batch) {
        long ended = ended(batch);
        if (isComplete(batch, ended)) {
            if (batch.getCancelled() > 0 || batch.getCancellingAt() != null) {
                return BatchStatus.CANCELLED;
            }
            return batch.getExpired() > 0 ? BatchStatus.EXPIRED : BatchStatus.COMPLETED;
        }
        if (batch.getCancellingAt() != null) {
            return BatchStatus.CANCELLING;
        }
        if (batch.getTotal() + batch.getDuplicates() + ended == 0) {
            return BatchStatus.VALIDATING;
        }
        return awaitsOnlyCounts(batch, ended) ? BatchStatus.FINALIZING : BatchStatus.IN_PROGRESS;
    }

    /**
     * Whether nothing more will happen to a batch in this status unless someone submits to it
     * again.
     */
    public static boolean hasEnded(BatchStatus status) {
        return switch (status) {
            case COMPLETED, EXPIRED, CANCELLED, FAILED -> true;
            case VALIDATING, IN_PROGRESS, FINALIZING, CANCELLING -> false;
        };
    }

    /** Jobs that ended, in whichever way. */
    public static long ended(BatchProgress batch) {
        return batch.getCompleted() + batch.getFailed() + batch.getExpired() + batch.getCancelled();
    }

    private static boolean isComplete(BatchProgress batch, long ended) {
        return ended == batch.getTotal()
                && (latestIsSealed(batch) || isCancelledWithoutSubmitter(batch))
                && everySealedLineSeen(batch);
    }

    private static boolean isCancelledWithoutSubmitter(BatchProgress batch) {
        return batch.getCancellingAt() != null
                && batch.getTotal() > 0
                && batch.getSubmissions().keySet().stream().allMatch(String::isEmpty);
    }

    private static boolean latestIsSealed(BatchProgress batch) {
        SubmissionProgress latest = null;
        for (Map.Entry<String, SubmissionProgress> entry : batch.getSubmissions().entrySet()) {
            // Jobs that came without a submission id are counted, but nobody will ever seal them.
            if (!entry.getKey().isEmpty()
                    && (latest == null || entry.getValue().getOrdinal() > latest.getOrdinal())) {
                latest = entry.getValue();
            }
        }
        return latest != null && latest.getSealed();
    }

    private static boolean everySealedLineSeen(BatchProgress batch) {
        for (SubmissionProgress submission : batch.getSubmissions().values()) {
            if (submission.getSealed() && seen(submission) < submission.getLines()) {
                return false;
            }
        }
        return true;
    }

    /**
     * All published lines are answered or known duplicates, so only ingest's numbers are missing.
     */
    private static boolean awaitsOnlyCounts(BatchProgress batch, long ended) {
        if (!latestIsSealed(batch) || ended < batch.getTotal()) {
            return false;
        }
        long unseen = 0;
        for (SubmissionProgress submission : batch.getSubmissions().values()) {
            if (submission.getSealed()) {
                unseen += Math.max(0, submission.getLines() - seen(submission));
            }
        }
        return ended - batch.getTotal() >= unseen;
    }

    private static long seen(SubmissionProgress submission) {
        return sum(submission.getAdmitted()) + sum(submission.getDuplicates());
    }

    static long sum(Map<String, Long> perSource) {
        long sum = 0;
        for (long count : perSource.values()) {
            sum += count;
        }
        return sum;
    }
}
