package dev.millrace.sink.topology;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.sink.progress.BatchFold;
import dev.millrace.sink.progress.BatchStatuses;

/** Batch events to the progress of each batch; a change of status is told at once. One object per task. */
final class BatchRule implements FoldRule<BatchEvent, BatchProgress> {
    private final SinkMetrics metrics;
    private final long[] batchesByStatus;

    BatchRule(SinkMetrics metrics) {
        this.metrics = metrics;
        this.batchesByStatus = new long[BatchStatus.values().length];
    }

    @Override
    public String key(BatchEvent event) {
        return event.getBatchId();
    }

    @Override
    public BatchProgress apply(BatchProgress before, BatchEvent event) {
        return BatchFold.apply(before, event);
    }

    @Override
    public boolean isUrgent(BatchProgress before, BatchProgress after) {
        return before == null || before.getStatus() != after.getStatus();
    }

    @Override
    public boolean mayBeUnsent(BatchProgress stored) {
        return !BatchStatuses.hasEnded(stored.getStatus());
    }

    @Override
    public void observe(BatchProgress before, BatchProgress after) {
        if (before != null && before.getStatus() == after.getStatus()) {
            return;
        }
        if (before != null) {
            count(before.getStatus(), -1);
        }
        count(after.getStatus(), 1);
    }

    @Override
    public void close() {
        for (BatchStatus status : BatchStatus.values()) {
            count(status, -batchesByStatus[status.ordinal()]);
        }
    }

    private void count(BatchStatus status, long change) {
        batchesByStatus[status.ordinal()] += change;
        metrics.batches(status, change);
    }
}
