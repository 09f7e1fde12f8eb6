package dev.millrace.worker;

import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * A transactional producer: its outputs and offsets become visible together at commit, or never.
 */
final class SimulatedProducer {
    private final SimulatedBroker broker;
    private final String transactionalId;
    private final List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    private final Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    private int epoch;
    private boolean isOpen;

    SimulatedProducer(SimulatedBroker broker, String transactionalId) {
        this.broker = broker;
        this.transactionalId = transactionalId;
    }

    void initTransactions() {
        broker.faults.at("init");
        epoch = broker.producerEpochs.merge(transactionalId, 1, Integer::sum);
    }

    void beginTransaction() {
        broker.faults.at("begin");
        checkEpoch();
        check(!isOpen, "a transaction is open");
        isOpen = true;
    }

    Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record) {
        return send(record, null);
    }

    Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
        broker.faults.at("send");
        check(isOpen, "no transaction is open");
        records.add(record);
        return CompletableFuture.completedFuture(null);
    }

    void sendOffsetsToTransaction(
            Map<TopicPartition, OffsetAndMetadata> wanted, ConsumerGroupMetadata group) {
        broker.faults.at("offsets");
        checkEpoch();
        check(isOpen, "no transaction is open");
        SimulatedConsumer member = broker.members.get(group.groupInstanceId().orElseThrow());
        if (group.generationId() != broker.generation
                || member == null
                || !member.groupMetadata().memberId().equals(group.memberId())) {
            throw new CommitFailedException(
                    "generation "
                            + group.generationId()
                            + ", the group is at "
                            + broker.generation);
        }
        for (OffsetAndMetadata offset : wanted.values()) {
            check(
                    offset.metadata().length() <= WorkerConfig.BROKER_METADATA_LIMIT_CHARS,
                    "metadata is too long");
        }
        offsets.putAll(wanted);
    }

    void commitTransaction() {
        broker.faults.at("commit.before");
        checkEpoch();
        if (isOpen) {
            broker.commit(records, offsets);
            forget();
        }
        broker.faults.at("commit.after");
    }

    void abortTransaction() {
        broker.faults.at("abort");
        checkEpoch();
        check(isOpen, "no transaction is open");
        forget();
    }

    void close(Duration timeout) {
        forget();
    }

    private void forget() {
        records.clear();
        offsets.clear();
        isOpen = false;
    }

    private void checkEpoch() {
        if (epoch != broker.producerEpochs.get(transactionalId)) {
            throw new ProducerFencedException(
                    "epoch " + epoch + " of " + transactionalId + " is fenced");
        }
    }

    private static void check(boolean holds, String rule) {
        if (!holds) {
            throw new IllegalStateException(rule);
        }
    }
}
