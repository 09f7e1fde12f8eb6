package dev.millrace.worker;

import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Reads back the keys of all committed completions (job ids) and dead letters (sources) since an
 * instant, a slice at a time, so that the worker goes on polling. The end is the log's end without
 * regard to open transactions: a commit whose markers are still on their way belongs to what must
 * be known.
 */
final class CompletionScan implements AutoCloseable {
    private final Consumer<byte[], byte[]> consumer;
    private final AnsweredJobs answered;
    private final Map<TopicPartition, Long> ends;

    /**
     * @param fromMs no completion of interest is older
     */
    CompletionScan(WorkerClients clients, long fromMs, AnsweredJobs answered) {
        this.answered = answered;
        this.consumer = clients.newHistoryConsumer(IsolationLevel.READ_COMMITTED);
        List<TopicPartition> partitions =
                Stream.of(Topics.COMPLETIONS, Topics.DEAD_LETTERS)
                        .flatMap(topic -> consumer.partitionsFor(topic).stream())
                        .map(info -> new TopicPartition(info.topic(), info.partition()))
                        .toList();
        consumer.assign(partitions);
        try (Consumer<byte[], byte[]> uncommitted =
                clients.newHistoryConsumer(IsolationLevel.READ_UNCOMMITTED)) {
            uncommitted.assign(partitions);
            ends = new HashMap<>(uncommitted.endOffsets(partitions));
            Map<TopicPartition, Long> instants = new HashMap<>();
            partitions.forEach(partition -> instants.put(partition, fromMs));
            uncommitted.offsetsForTimes(instants).forEach(this::begin);
        }
    }

    /** Where reading begins; a partition with nothing that new was read before it began. */
    private void begin(TopicPartition partition, OffsetAndTimestamp start) {
        if (start == null || start.offset() >= ends.get(partition)) {
            ends.remove(partition);
            consumer.pause(List.of(partition));
        }
        consumer.seek(partition, start == null ? 0 : start.offset());
    }

    /** Reads one slice; true when all is read. */
    boolean advance(Duration timeout) {
        if (!ends.isEmpty()) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(timeout);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                if (record.key() == null) {
                    continue;
                }
                if (record.topic().equals(Topics.COMPLETIONS)) {
                    answered.addJob(record.key());
                } else {
                    answered.addDeadLetter(record.key());
                }
            }
            ends.entrySet().removeIf(end -> consumer.position(end.getKey()) >= end.getValue());
        }
        return ends.isEmpty();
    }

    @Override
    public void close() {
        consumer.close();
    }
}
