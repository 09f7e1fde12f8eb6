package dev.millrace.sink.results;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.SubmissionProgress;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.progress.BatchStatuses;
import dev.millrace.sink.table.CompactedTable;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.function.Consumer;

/** Waits for a batch to end. */
public final class BatchWatch {
    private static final Duration POLL = Duration.ofMillis(100);

    private BatchWatch() {}

    /** The batches topic as a table; nothing is read yet. */
    public static CompactedTable<BatchProgress> openTable(Map<String, Object> clientProperties) {
        return CompactedTable.open(clientProperties, Topics.BATCHES, BatchProgress.class);
    }

    /**
     * Waits until the batch has ended, whichever way.
     *
     * @param listener hears each change on the way, in this thread
     * @throws UnknownBatchException when nothing is known of such a batch
     * @throws BatchTimeoutException when it has not ended in time
     */
    public static BatchProgress awaitBatch(
            Map<String, Object> clientProperties, String batchId, Duration timeout,
            Consumer<BatchProgress> listener) {
        return awaitBatch(clientProperties, batchId, null, timeout, listener);
    }

    /**
     * The same after a submission of one's own: an ended batch does not count until it knows of this run,
     * since it may have ended before and be about to be reopened. A batch of which nothing is known yet is
     * waited for.
     *
     * @param submissionId the run to wait for, or null for whatever there is
     */
    public static BatchProgress awaitBatch(
            Map<String, Object> clientProperties, String batchId, String submissionId, Duration timeout,
            Consumer<BatchProgress> listener) {
        try (CompactedTable<BatchProgress> table = openTable(clientProperties)) {
            return await(table, new Awaited(batchId, submissionId), timeout, listener,
                    InstantSource.system());
        }
    }

    /** What is known of a batch; {@link UnknownBatchException} when nothing is. */
    static BatchProgress require(CompactedTable<BatchProgress> table, String batchId) {
        BatchProgress progress = table.get(batchId);
        if (progress == null) {
            throw new UnknownBatchException(batchId, table.entries().keySet());
        }
        return progress;
    }

    static BatchProgress await(CompactedTable<BatchProgress> table, Awaited awaited, Duration timeout,
            Consumer<BatchProgress> listener, InstantSource clock) {
        long deadlineMs = clock.millis() + timeout.toMillis();
        // What the batch was once must not be taken for what it is: an ended batch may have been reopened
        // further on.
        table.readToEnd(timeout);
        if (awaited.submissionId() == null) {
            require(table, awaited.batchId());
        }
        BatchProgress last = null;
        while (true) {
            BatchProgress now = table.get(awaited.batchId());
            if (now != null && !now.equals(last)) {
                last = now;
                listener.accept(now);
            }
            if (now != null && awaited.isOver(now)) {
                return now;
            }
            if (clock.millis() > deadlineMs) {
                throw new BatchTimeoutException(awaited.batchId(), last, timeout);
            }
            table.poll(POLL);
        }
    }

    /** @param submissionId null for any */
    record Awaited(String batchId, String submissionId) {
        boolean isOver(BatchProgress batch) {
            return BatchStatuses.hasEnded(batch.getStatus()) && (submissionId == null || isSealed(batch));
        }

        private boolean isSealed(BatchProgress batch) {
            SubmissionProgress submission = batch.getSubmissions().get(submissionId);
            return submission != null && submission.getSealed();
        }
    }
}
