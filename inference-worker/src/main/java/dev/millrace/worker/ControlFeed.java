package dev.millrace.worker;

import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads the control topic without a group: every worker reads all of it, from the beginning, so a
 * worker that starts again knows what was ordered before it takes a job. Polls never wait. A poll
 * that fails is repeated from where reading had come to; it must not cost the worker its session.
 */
final class ControlFeed implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ControlFeed.class);

    private final WorkerContext context;
    private final Deserializer<?> deserializer;
    private final Consumer<byte[], byte[]> consumer;
    private final ControlState state = new ControlState();

    /**
     * Where reading goes on, by what was applied; what a failed poll has swallowed is read again.
     */
    private final Map<TopicPartition, Long> next = new HashMap<>();

    /** Ends of the log at the start; empty once all that is read. */
    private final Map<TopicPartition, Long> toCatchUp;

    private long notBeforeMs;
    private long version;

    ControlFeed(WorkerContext context, WorkerClients clients, Deserializer<?> deserializer) {
        this.context = context;
        this.deserializer = deserializer;
        consumer = clients.newHistoryConsumer(IsolationLevel.READ_COMMITTED);
        try {
            List<TopicPartition> partitions = new ArrayList<>();
            List<PartitionInfo> known = consumer.partitionsFor(Topics.CONTROL);
            if (known == null || known.isEmpty()) {
                LOG.warn("topic {} does not exist: this worker takes no orders", Topics.CONTROL);
            } else {
                known.forEach(
                        info -> partitions.add(new TopicPartition(info.topic(), info.partition())));
            }
            consumer.assign(partitions);
            toCatchUp = new HashMap<>(consumer.endOffsets(partitions));
            toCatchUp
                    .keySet()
                    .forEach(partition -> next.put(partition, consumer.position(partition)));
            caughtUp();
        } catch (RuntimeException e) {
            consumer.close();
            throw e;
        }
    }

    /**
     * Whether everything that was ordered before this feed began is known; until then no job may be
     * taken.
     */
    boolean isReady() {
        return toCatchUp.isEmpty();
    }

    ControlState state() {
        return state;
    }

    /** Changes with every order; for those who remember that something was held back. */
    long version() {
        return version;
    }

    /** Takes what has come, without waiting; true when there were orders. */
    boolean advance() {
        if (next.isEmpty() || context.clock().millis() < notBeforeMs) {
            return false;
        }
        long before = version;
        try {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ZERO);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                apply(record);
                next.put(
                        new TopicPartition(record.topic(), record.partition()),
                        record.offset() + 1);
            }
            next.replaceAll((partition, offset) -> Math.max(offset, consumer.position(partition)));
            caughtUp();
        } catch (RuntimeException e) {
            if (FailurePolicy.actionFor(e) != FailurePolicy.Action.RETRY) {
                throw e;
            }
            LOG.warn("orders cannot be read now, trying again: {}", e.toString());
            notBeforeMs = context.clock().millis() + context.limits().retryBackoff().toMillis();
            next.forEach(consumer::seek);
        }
        return version != before;
    }

    private void caughtUp() {
        toCatchUp.entrySet().removeIf(end -> next.get(end.getKey()) >= end.getValue());
    }

    private void apply(ConsumerRecord<byte[], byte[]> record) {
        if (record.value() == null) {
            return;
        }
        try {
            Object value =
                    deserializer.deserialize(record.topic(), record.headers(), record.value());
            state.apply((ControlCommand) value);
            context.metrics().ordered();
            version++;
        } catch (ClassCastException | IllegalArgumentException e) {
            ignored(record, e);
        } catch (RuntimeException e) {
            if (FailurePolicy.actionFor(e) != FailurePolicy.Action.DEAD_LETTER) {
                throw e;
            }
            ignored(record, e);
        }
    }

    /** Every worker reads the same record, so nobody sets it aside; it orders nothing. */
    private static void ignored(ConsumerRecord<byte[], byte[]> record, RuntimeException reason) {
        LOG.warn(
                "{}-{} offset {} is no order: {}",
                record.topic(),
                record.partition(),
                record.offset(),
                reason.getMessage());
    }

    @Override
    public void close() {
        consumer.close();
    }
}
