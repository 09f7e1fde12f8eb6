package dev.millrace.worker;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/**
 * The rebalance rules. Assigned: read committed offset and finished-ahead set together, begin a
 * fresh ledger there, and read what former owners have handed over. Revoked: one bounded flush of
 * what is finished, and of what the sequences of the partitions that go have generated; then those
 * are dropped. Lost: drop them without a commit, somebody else may own them already. All of it runs
 * inside poll, on the worker's thread.
 */
final class AssignedPartitions implements ConsumerRebalanceListener {
    private static final Logger LOG = LoggerFactory.getLogger(AssignedPartitions.class);

    private final WorkerContext context;
    private final Consumer<byte[], byte[]> consumer;
    private final Map<TopicPartition, OffsetLedger> ledgers;
    private final JobBuffer jobs;
    private final DuplicateGuard guard;
    private final Leaving leaving;

    /**
     * What must happen when partitions go: the flush, and with it what is handed over; and what they
     * bring when they come.
     */
    record Leaving(
            CommitCycle commits, JobEngine engine, HandOverWriter writer, HandOvers handOvers) {}

    AssignedPartitions(
            WorkerContext context,
            Consumer<byte[], byte[]> consumer,
            Map<TopicPartition, OffsetLedger> ledgers,
            JobBuffer jobs,
            DuplicateGuard guard,
            Leaving leaving) {
        this.context = context;
        this.consumer = consumer;
        this.ledgers = ledgers;
        this.jobs = jobs;
        this.guard = guard;
        this.leaving = leaving;
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        context.metrics().rebalanced();
        if (partitions.isEmpty()) {
            return;
        }
        Map<TopicPartition, OffsetAndMetadata> committed =
                consumer.committed(new HashSet<>(partitions));
        for (TopicPartition partition : partitions) {
            ledgers.put(partition, begin(partition, committed.get(partition)));
        }
        leaving.handOvers().assigned(partitions);
        LOG.info("assigned {}", partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        context.metrics().rebalanced();
        if (partitions.isEmpty()) {
            return;
        }
        List<InFlightJob> running =
                jobs.inEngine().stream()
                        .filter(job -> partitions.contains(job.ledger().partition()))
                        .toList();
        leaving.commits().flush(leaving.writer().stop(running));
        drop(partitions);
        LOG.info("revoked {}", partitions);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        context.metrics().rebalanced();
        drop(partitions);
        LOG.warn("lost {}: their work is dropped", partitions);
    }

    private OffsetLedger begin(TopicPartition partition, OffsetAndMetadata committed) {
        if (committed == null) {
            // A new group, or one whose offsets have expired: only the completions can tell.
            return replay(partition, 0, FinishedAhead.NONE, logEnd(partition));
        }
        // The consumer has read the committed offset by itself; reading begins at the one that the
        // set belongs to.
        consumer.seek(partition, committed);
        FinishedAheadCodec.Inspection found =
                FinishedAheadCodec.inspect(committed.offset(), committed.metadata());
        if (found.finishedAhead() == null) {
            LOG.warn(
                    "{} offset {}: the finished-ahead metadata is of no use: {}; jobs are checked"
                            + " against completions",
                    partition,
                    committed.offset(),
                    found.problem());
            return replay(partition, committed.offset(), FinishedAhead.NONE, logEnd(partition));
        }
        if (found.replayUntil() > committed.offset()) {
            return replay(
                    partition, committed.offset(), found.finishedAhead(), found.replayUntil());
        }
        return new OffsetLedger(
                partition,
                committed.offset(),
                found.finishedAhead(),
                0,
                context.limits().admissionStopChars());
    }

    /**
     * Jobs below {@code untilOffset} may have been answered; what comes later belongs to this
     * assignment alone.
     */
    private OffsetLedger replay(
            TopicPartition partition,
            long fromOffset,
            FinishedAhead finishedBefore,
            long untilOffset) {
        if (fromOffset < untilOffset) {
            guard.suspect(partition, untilOffset);
        }
        return new OffsetLedger(
                partition,
                fromOffset,
                finishedBefore,
                untilOffset,
                context.limits().admissionStopChars());
    }

    private long logEnd(TopicPartition partition) {
        return consumer.endOffsets(List.of(partition)).get(partition);
    }

    private void drop(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            OffsetLedger ledger = ledgers.remove(partition);
            if (ledger != null) {
                ledger.revoke();
            }
            guard.forget(partition);
            leaving.handOvers().forget(partition);
        }
        for (InFlightJob job : jobs.dropRevoked()) {
            leaving.engine().abort(job.request().requestId());
        }
    }
}
