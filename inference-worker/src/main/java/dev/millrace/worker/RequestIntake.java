package dev.millrace.worker;

import dev.millrace.schemas.PromptJob;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Polls, and takes no more than there is room for: by count, by bytes and by what the offset
 * metadata can hold. What does not fit is left to the broker (seek back, pause). Which partitions
 * are paused is worked out anew for every poll, so a rebalance, which forgets pauses, needs no
 * case.
 */
final class RequestIntake {
    private static final Logger LOG = LoggerFactory.getLogger(RequestIntake.class);

    private final WorkerContext context;
    private final Consumer<byte[], byte[]> consumer;
    private final Map<TopicPartition, OffsetLedger> ledgers;
    private final JobBuffer jobs;
    private final DuplicateGuard guard;
    private final HandOvers handOvers;
    private final JobReader reader;

    /**
     * Partitions whose next record is a paused job for which there is no parking room; until room
     * or new orders come.
     */
    private final Set<TopicPartition> atPausedJob = new HashSet<>();

    private long ordersSeen;
    private long notBeforeMs;
    private boolean isStopped;

    /** What turns bytes into admitted jobs. */
    record JobReader(Deserializer<?> deserializer, JobAdmission admission, ControlFeed control) {}

    /** For which partitions must wait. */
    record Holds(DuplicateGuard guard, HandOvers handOvers) {}

    RequestIntake(
            WorkerContext context,
            Consumer<byte[], byte[]> consumer,
            Map<TopicPartition, OffsetLedger> ledgers,
            JobBuffer jobs,
            Holds holds,
            JobReader reader) {
        this.context = context;
        this.consumer = consumer;
        this.ledgers = ledgers;
        this.jobs = jobs;
        this.guard = holds.guard();
        this.handOvers = holds.handOvers();
        this.reader = reader;
    }

    /** Returns how many records were dealt with. */
    int poll(Duration timeout) {
        applyBackPressure();
        ConsumerRecords<byte[], byte[]> records = consumer.poll(timeout);
        int taken = 0;
        for (TopicPartition partition : records.partitions()) {
            taken += takeAll(partition, records.records(partition));
        }
        return taken;
    }

    /** From now on no job is taken; polling goes on, to stay in the group. */
    void stop() {
        isStopped = true;
    }

    void applyBackPressure() {
        Set<TopicPartition> toPause = new HashSet<>();
        boolean holdsAll =
                isStopped
                        || !reader.control().isReady()
                        || !reader.admission().isOpen()
                        || jobs.isFull()
                        || context.clock().millis() < notBeforeMs;
        if (jobs.hasParkingRoom(0) || ordersSeen != reader.control().version()) {
            atPausedJob.clear();
            ordersSeen = reader.control().version();
        }
        for (OffsetLedger ledger : ledgers.values()) {
            if (holdsAll
                    || !ledger.canAdmit()
                    || guard.holds(ledger.partition())
                    || handOvers.holds(ledger.partition())
                    || atPausedJob.contains(ledger.partition())) {
                toPause.add(ledger.partition());
            }
        }
        Set<TopicPartition> paused = consumer.paused();
        if (!toPause.equals(paused)) {
            Set<TopicPartition> toResume = new HashSet<>(paused);
            toResume.removeAll(toPause);
            consumer.resume(toResume);
            consumer.pause(toPause);
        }
    }

    private int takeAll(TopicPartition partition, List<ConsumerRecord<byte[], byte[]>> records) {
        OffsetLedger ledger = ledgers.get(partition);
        if (ledger == null) {
            throw new IllegalStateException("records of " + partition + ", which is not assigned");
        }
        int taken = 0;
        for (ConsumerRecord<byte[], byte[]> record : records) {
            if (!take(ledger, record)) {
                consumer.seek(partition, record.offset());
                break;
            }
            taken++;
        }
        return taken;
    }

    /** False when the record must be read again later; nothing has happened to it then. */
    private boolean take(OffsetLedger ledger, ConsumerRecord<byte[], byte[]> record) {
        if (isStopped
                || !reader.control().isReady()
                || !reader.admission().isOpen()
                || handOvers.holds(ledger.partition())
                || guard.mustWait(ledger.partition(), record)) {
            return false;
        }
        if (ledger.wasFinishedBefore(record.offset())) {
            ledger.deliver(record.offset());
            context.metrics().skippedFinished();
            return true;
        }
        int bytes =
                Math.max(0, record.serializedKeySize()) + Math.max(0, record.serializedValueSize());
        if (!jobs.hasRoom(bytes) || !ledger.canAdmit()) {
            return false;
        }
        PromptJob job = null;
        RuntimeException unreadable = null;
        try {
            job = read(record);
        } catch (RuntimeException e) {
            switch (FailurePolicy.actionFor(e)) {
                case DEAD_LETTER -> unreadable = e;
                case RETRY -> {
                    LOG.warn(
                            "{} cannot be read now, trying again: {}",
                            ledger.partition(),
                            e.getMessage());
                    notBeforeMs =
                            context.clock().millis() + context.limits().retryBackoff().toMillis();
                    return false;
                }
                default -> throw e;
            }
        }
        if (job != null && mustStayOut(job, bytes)) {
            atPausedJob.add(ledger.partition());
            return false;
        }
        ledger.deliver(record.offset());
        InFlightJob arrived =
                new InFlightJob(ledger, record.offset(), bytes, record.headers(), job, null);
        boolean isDone =
                unreadable != null
                        ? guard.isSetAside(ledger.partition(), record.offset())
                        : guard.isAnswered(ledger.partition(), job);
        if (isDone) {
            reader.admission().skipAnswered(arrived);
        } else if (unreadable != null) {
            reader.admission().setAside(arrived, record, unreadable);
        } else {
            reader.admission().admit(arrived);
        }
        return true;
    }

    private boolean mustStayOut(PromptJob job, int bytes) {
        ControlState orders = reader.control().state();
        return orders.isPaused(job) && !orders.isCancelled(job) && !jobs.hasParkingRoom(bytes);
    }

    private PromptJob read(ConsumerRecord<byte[], byte[]> record) {
        if (record.value() == null) {
            throw new SerializationException("the record has no value");
        }
        Object value =
                reader.deserializer().deserialize(record.topic(), record.headers(), record.value());
        if (value instanceof PromptJob job) {
            return job;
        }
        throw new SerializationException(
                "the record is no PromptJob but a " + value.getClass().getSimpleName());
    }
}
