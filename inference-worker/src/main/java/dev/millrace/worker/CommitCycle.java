package dev.millrace.worker;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One short transaction: completions, usage, dead letters, and the offsets with their
 * finished-ahead sets. It is opened when finished jobs are there and closed before the engine steps
 * again. Finished jobs stay in memory until a commit has succeeded; after an abort all of them go
 * again, less those whose partitions have gone.
 */
final class CommitCycle {
    private static final Logger LOG = LoggerFactory.getLogger(CommitCycle.class);

    /** How a transaction ended. */
    enum Outcome {
        COMMITTED,
        NOTHING_TO_DO,
        ABORTED,
        FENCED
    }

    private final WorkerContext context;
    private final WorkerClientPair clients;
    private final Map<TopicPartition, OffsetLedger> ledgers;
    private final JobBuffer jobs;
    private final ResultPublisher publisher;
    private final WorkerStatsPublisher stats;
    private final List<TooLarge> tooLarge = new ArrayList<>();

    /** Go with the next transaction, once: what is lost of them is only work. */
    private List<ProducerRecord<byte[], byte[]>> handOvers = List.of();

    private long notBeforeMs;
    private long lastEndMs;
    private long lastDurationMs;
    private int failedInARow;
    private boolean isFenced;

    /** A consumer and the producer that commits for it. */
    record WorkerClientPair(Consumer<byte[], byte[]> consumer, Producer<byte[], byte[]> producer) {}

    private record TooLarge(FinishedJob job, String reason) {}

    CommitCycle(
            WorkerContext context,
            WorkerClientPair clients,
            Map<TopicPartition, OffsetLedger> ledgers,
            JobBuffer jobs,
            ResultPublisher publisher,
            WorkerStatsPublisher stats) {
        this.context = context;
        this.clients = clients;
        this.ledgers = ledgers;
        this.jobs = jobs;
        this.publisher = publisher;
        this.stats = stats;
    }

    /**
     * Commits if enough is finished, or the oldest finished job has waited long enough, or
     * statistics are due.
     */
    Outcome runIfDue() {
        return msUntilDue() <= 0 ? run() : Outcome.NOTHING_TO_DO;
    }

    /** Time until {@link #runIfDue} has something to do; at most the statistics interval. */
    long msUntilDue() {
        long now = context.clock().millis();
        long dueMs = stats.dueMs();
        if (!jobs.finished().isEmpty()) {
            dueMs =
                    Math.min(
                            dueMs,
                            jobs.oldestFinishedMs() + context.config().commitInterval().toMillis());
        }
        if (jobs.finished().size() >= context.config().maxFinishedPerCommit()) {
            // Work for as long as the last transaction took: where jobs end faster than that,
            // transactions get larger, not more.
            dueMs = Math.min(dueMs, lastEndMs + lastDurationMs);
        }
        return Math.max(dueMs, notBeforeMs) - now;
    }

    /**
     * The last transaction of a worker that stops: what is finished, what it hands over, and that it
     * has stopped.
     */
    Outcome finish(List<ProducerRecord<byte[], byte[]>> handOver) {
        stats.sayStopped();
        return runWith(handOver);
    }

    /** One attempt, due or not: before partitions go. */
    Outcome flush(List<ProducerRecord<byte[], byte[]>> handOver) {
        return jobs.finished().isEmpty() && handOver.isEmpty()
                ? Outcome.NOTHING_TO_DO
                : runWith(handOver);
    }

    private Outcome runWith(List<ProducerRecord<byte[], byte[]>> handOver) {
        handOvers = handOver;
        try {
            return run();
        } finally {
            handOvers = List.of();
        }
    }

    /** The producer is of no use any more, or nobody can say whether its last commit holds. */
    boolean isFenced() {
        return isFenced;
    }

    /**
     * Nothing is committed any more, also not by the callbacks that closing the consumer brings.
     */
    void close() {
        isFenced = true;
    }

    private Outcome run() {
        if (isFenced) {
            return Outcome.FENCED;
        }
        long startMs = context.clock().millis();
        Map<TopicPartition, OffsetAndMetadata> offsets = Map.of();
        boolean isOpen = false;
        try {
            List<List<ProducerRecord<byte[], byte[]>>> records = serializeAll();
            List<ProducerRecord<byte[], byte[]>> statistics = stats.recordsIfDue();
            offsets = offsets();
            if (records.isEmpty()
                    && statistics.isEmpty()
                    && offsets.isEmpty()
                    && handOvers.isEmpty()) {
                return Outcome.NOTHING_TO_DO;
            }
            clients.producer().beginTransaction();
            isOpen = true;
            send(records, statistics);
            sendOffsets(offsets);
            commit();
        } catch (RuntimeException e) {
            return failed(e, isOpen);
        }
        lastEndMs = context.clock().millis();
        lastDurationMs = lastEndMs - startMs;
        succeeded(offsets);
        return Outcome.COMMITTED;
    }

    private List<List<ProducerRecord<byte[], byte[]>>> serializeAll() {
        List<List<ProducerRecord<byte[], byte[]>>> records =
                new ArrayList<>(jobs.finished().size());
        for (FinishedJob job : jobs.finished()) {
            if (job.ledger.isRevoked()) {
                throw new IllegalStateException(
                        "a job of "
                                + job.ledger.partition()
                                + ", which was revoked, is up for commit");
            }
            records.add(publisher.records(job));
        }
        return records;
    }

    /**
     * Of every partition where a job has finished, or only markers were passed, since the last
     * commit.
     */
    private Map<TopicPartition, OffsetAndMetadata> offsets() {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (OffsetLedger ledger : ledgers.values()) {
            if (ledger.numUnfinished() == 0) {
                observePosition(ledger);
            }
        }
        for (FinishedJob job : jobs.finished()) {
            offsets.computeIfAbsent(job.ledger.partition(), partition -> offsetOf(job.ledger));
        }
        for (OffsetLedger ledger : ledgers.values()) {
            if (ledger.hasMoved()) {
                offsets.computeIfAbsent(ledger.partition(), partition -> offsetOf(ledger));
            }
        }
        return offsets;
    }

    private void observePosition(OffsetLedger ledger) {
        try {
            ledger.observePosition(clients.consumer().position(ledger.partition(), Duration.ZERO));
        } catch (TimeoutException e) {
            LOG.trace("{} has no position yet", ledger.partition());
        }
    }

    private OffsetAndMetadata offsetOf(OffsetLedger ledger) {
        return new OffsetAndMetadata(ledger.frontier(), ledger.metadata());
    }

    private void send(
            List<List<ProducerRecord<byte[], byte[]>>> records,
            List<ProducerRecord<byte[], byte[]>> statistics) {
        for (int i = 0; i < records.size(); i++) {
            FinishedJob job = jobs.finished().get(i);
            for (ProducerRecord<byte[], byte[]> record : records.get(i)) {
                clients.producer().send(record, (metadata, error) -> noteTooLarge(job, error));
            }
        }
        for (ProducerRecord<byte[], byte[]> record : statistics) {
            clients.producer().send(record);
        }
        for (ProducerRecord<byte[], byte[]> record : handOvers) {
            clients.producer().send(record);
        }
    }

    /**
     * Called by the producer, maybe on its own thread; a failed send also fails the commit that
     * follows.
     */
    private void noteTooLarge(FinishedJob job, Exception error) {
        if (error instanceof RecordTooLargeException) {
            synchronized (tooLarge) {
                tooLarge.add(new TooLarge(job, error.getMessage()));
            }
        }
    }

    private void sendOffsets(Map<TopicPartition, OffsetAndMetadata> offsets) {
        if (offsets.isEmpty()) {
            return;
        }
        ConsumerGroupMetadata group = clients.consumer().groupMetadata();
        if (group.generationId() < 0) {
            // The broker would take offsets of a non-member without asking who owns the partitions.
            throw new RebalanceInProgressException("the worker is no member of its group now");
        }
        clients.producer().sendOffsetsToTransaction(offsets, group);
    }

    /** After a timeout only the same call may be repeated: the commit may be under way. */
    private void commit() {
        for (int attempt = 1; ; attempt++) {
            try {
                clients.producer().commitTransaction();
                return;
            } catch (TimeoutException e) {
                if (attempt >= 2) {
                    isFenced = true;
                    throw e;
                }
                LOG.warn("commit timed out, asking again: {}", e.getMessage());
            }
        }
    }

    private void succeeded(Map<TopicPartition, OffsetAndMetadata> offsets) {
        offsets.forEach((partition, offset) -> ledgers.get(partition).committed(offset.offset()));
        context.metrics().committed(jobs.finished().size(), lastDurationMs);
        jobs.clearFinished();
        failedInARow = 0;
        notBeforeMs = 0;
    }

    private Outcome failed(RuntimeException failure, boolean isOpen) {
        context.metrics().aborted();
        FailurePolicy.Action action = FailurePolicy.actionFor(failure);
        if (action == FailurePolicy.Action.FENCED) {
            isFenced = true;
        }
        if (isOpen && !isFenced) {
            abort();
        }
        replaceTooLarge();
        if (action == FailurePolicy.Action.FATAL || action == FailurePolicy.Action.DEAD_LETTER) {
            throw failure;
        }
        LOG.warn(
                "transaction of {} jobs {}: {}",
                jobs.finished().size(),
                isFenced ? "is in doubt" : "aborted",
                failure.toString());
        failedInARow++;
        if (failedInARow > context.config().maxAttempts()) {
            throw new WorkerFailedException(
                    failedInARow + " transactions in a row have failed", failure);
        }
        notBeforeMs = context.clock().millis() + context.limits().retryBackoff().toMillis();
        return isFenced ? Outcome.FENCED : Outcome.ABORTED;
    }

    private void abort() {
        try {
            clients.producer().abortTransaction();
        } catch (RuntimeException e) {
            // A producer that cannot even abort is given up; the next one's initTransactions aborts
            // for it.
            LOG.warn("abort failed: {}", e.toString());
            isFenced = true;
        }
    }

    private void replaceTooLarge() {
        synchronized (tooLarge) {
            for (TooLarge found : tooLarge) {
                LOG.warn(
                        "the result of {} offset {} is too large: {}",
                        found.job().ledger.partition(),
                        found.job().offset,
                        found.reason());
                found.job().replaceTooLarge(found.reason());
            }
            tooLarge.clear();
        }
    }
}
