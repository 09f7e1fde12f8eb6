package dev.millrace.sink.progress;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.SubmissionProgress;
import dev.millrace.schemas.Usage;

import java.time.Instant;
import java.util.HashMap;

/**
 * Folds what happened to a batch into its progress. A pure function; the events of one batch may
 * come in any order.
 *
 * <p>Only facts are kept: what each submitter said, what each ingest task counted, how many jobs
 * ended how. The status is a function of them ({@link BatchStatuses}), so it cannot contradict the
 * counts.
 *
 * <ul>
 *   <li>TALLY is cumulative: the largest number of a source stands, so a repeated or late one
 *       changes nothing.
 *   <li>OPENED and SEALED of a run may be repeated.
 *   <li>CANCEL_REQUESTED is kept if the batch has not ended yet.
 *   <li>FINISHED counts: it must come once per job, which the exactly-once topology around this
 *       class sees to.
 * </ul>
 */
public final class BatchFold {
    private BatchFold() {}

    /**
     * The progress after {@code event}.
     *
     * @param before the progress so far, null when this is the first event; not changed
     * @throws IllegalArgumentException if the event belongs to another batch than {@code before}
     */
    public static BatchProgress apply(BatchProgress before, BatchEvent event) {
        if (before != null && !before.getBatchId().equals(event.getBatchId())) {
            throw new IllegalArgumentException(
                    "event of batch '"
                            + event.getBatchId()
                            + "' applied to batch '"
                            + before.getBatchId()
                            + "'");
        }
        BatchProgress after =
                before == null ? first(event) : BatchProgress.newBuilder(before).build();
        switch (event.getKind()) {
            case OPENED -> opened(after, event);
            case SEALED -> sealed(after, event);
            case TALLY -> tally(after, event);
            case FINISHED -> finished(after, event);
            case CANCEL_REQUESTED -> cancelRequested(after, event);
        }
        if (after.getEndpoint() == null) {
            after.setEndpoint(event.getEndpoint());
        }
        stamp(after, event.getAt());
        return after;
    }

    private static BatchProgress first(BatchEvent event) {
        return BatchProgress.newBuilder()
                .setBatchId(event.getBatchId())
                .setTenant(event.getTenant())
                .setStatus(BatchStatus.VALIDATING)
                .setCreatedAt(event.getAt())
                .setUpdatedAt(event.getAt())
                .build();
    }

    private static void opened(BatchProgress batch, BatchEvent event) {
        submission(batch, event.getSubmissionId());
        batch.getMetadata().putAll(event.getMetadata());
    }

    private static void sealed(BatchProgress batch, BatchEvent event) {
        SubmissionProgress submission = submission(batch, event.getSubmissionId());
        submission.setSealed(true);
        submission.setLines(Math.max(submission.getLines(), event.getLines()));
    }

    private static void tally(BatchProgress batch, BatchEvent event) {
        SubmissionProgress submission = submission(batch, event.getSubmissionId());
        submission.getAdmitted().merge(event.getSource(), event.getAdmitted(), Math::max);
        submission.getDuplicates().merge(event.getSource(), event.getDuplicates(), Math::max);
        long total = 0;
        long duplicates = 0;
        for (SubmissionProgress each : batch.getSubmissions().values()) {
            total += BatchStatuses.sum(each.getAdmitted());
            duplicates += BatchStatuses.sum(each.getDuplicates());
        }
        batch.setTotal(total);
        batch.setDuplicates(duplicates);
    }

    private static void finished(BatchProgress batch, BatchEvent event) {
        if (event.getStatus() == null) {
            throw new IllegalArgumentException(
                    "FINISHED event of batch '" + event.getBatchId() + "' has no status");
        }
        switch (event.getStatus()) {
            case COMPLETED -> batch.setCompleted(batch.getCompleted() + 1);
            case FAILED -> batch.setFailed(batch.getFailed() + 1);
            case EXPIRED -> batch.setExpired(batch.getExpired() + 1);
            case CANCELLED -> batch.setCancelled(batch.getCancelled() + 1);
        }
        Usage usage = event.getUsage();
        if (usage != null) {
            batch.setPromptTokens(batch.getPromptTokens() + usage.getPromptTokens());
            batch.setCachedTokens(batch.getCachedTokens() + usage.getCachedTokens());
            batch.setCompletionTokens(batch.getCompletionTokens() + usage.getCompletionTokens());
        }
    }

    /** Only a batch that has not ended can be cancelled; asking again changes nothing. */
    private static void cancelRequested(BatchProgress batch, BatchEvent event) {
        if (batch.getCancellingAt() == null && !BatchStatuses.hasEnded(batch.getStatus())) {
            batch.setCancellingAt(event.getAt());
        }
    }

    private static SubmissionProgress submission(BatchProgress batch, String submissionId) {
        SubmissionProgress known = batch.getSubmissions().get(submissionId);
        if (known != null) {
            return known;
        }
        SubmissionProgress added =
                SubmissionProgress.newBuilder()
                        .setOrdinal(batch.getSubmissions().size())
                        .setAdmitted(new HashMap<>())
                        .setDuplicates(new HashMap<>())
                        .build();
        batch.getSubmissions().put(submissionId, added);
        return added;
    }

    /**
     * Sets the status and the instants that go with it. An instant of an ending is taken back when
     * the batch is reopened.
     */
    private static void stamp(BatchProgress batch, Instant at) {
        BatchStatus was = batch.getStatus();
        BatchStatus now = BatchStatuses.of(batch);
        batch.setStatus(now);
        batch.setCreatedAt(earlier(batch.getCreatedAt(), at));
        batch.setUpdatedAt(later(batch.getUpdatedAt(), at));
        if (now != BatchStatus.VALIDATING && batch.getInProgressAt() == null) {
            batch.setInProgressAt(at);
        }
        if (now != was) {
            Instant ended = batch.getUpdatedAt();
            batch.setCompletedAt(now == BatchStatus.COMPLETED ? ended : null);
            batch.setCancelledAt(now == BatchStatus.CANCELLED ? ended : null);
            batch.setExpiredAt(now == BatchStatus.EXPIRED ? ended : null);
        }
    }

    private static Instant earlier(Instant a, Instant b) {
        return a.isBefore(b) ? a : b;
    }

    private static Instant later(Instant a, Instant b) {
        return a.isAfter(b) ? a : b;
    }
}
