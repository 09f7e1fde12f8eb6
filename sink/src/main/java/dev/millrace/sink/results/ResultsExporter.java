package dev.millrace.sink.results;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.WireFormatException;
import dev.millrace.sink.openai.BatchLineWriter;
import dev.millrace.sink.table.CompactedTable;
import dev.millrace.sink.table.ReadOnlyConsumers;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Deserializer;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes the answers of a batch to files: OpenAI's output lines, and its error lines apart if a
 * second file is given. Reads the completions topic once, from shortly before the batch began to
 * where the topic ended when the export began, so memory stays flat however large the batch is.
 * Lines are in the order in which jobs finished; match them by custom_id.
 */
public final class ResultsExporter {
    /**
     * How much later the batch's first event may be stamped than its first answer: clocks of
     * machines differ.
     */
    private static final Duration CLOCK_SLACK = Duration.ofHours(1);

    private static final Duration POLL = Duration.ofMillis(500);
    private static final Duration STALL_TIMEOUT = Duration.ofMinutes(1);
    private static final Duration READ_TIMEOUT = Duration.ofMinutes(1);

    /**
     * 4 million hashes are at most 128 MiB while the set grows, and cover OpenAI's largest file 80
     * times.
     */
    private static final int MAX_CHECKED_IDS = 4_000_000;

    private final Map<String, Object> clientProperties;
    private final int maxCheckedIds;

    /**
     * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's
     *     clients and the serde understand
     */
    public ResultsExporter(Map<String, Object> clientProperties) {
        this(clientProperties, MAX_CHECKED_IDS);
    }

    ResultsExporter(Map<String, Object> clientProperties, int maxCheckedIds) {
        this.clientProperties = Map.copyOf(clientProperties);
        this.maxCheckedIds = maxCheckedIds;
    }

    /**
     * Exports what is answered so far.
     *
     * @param output for completed jobs, and for all others too when {@code errors} is null, so that
     *     no answer is lost
     * @param errors for jobs that failed, expired or were cancelled; may be null
     * @throws UnknownBatchException when nothing is known of such a batch
     * @throws IOException when a file cannot be written; then no file was changed
     */
    public ResultsReport export(String batchId, Path output, Path errors) throws IOException {
        BatchProgress progress = progressOf(batchId);
        try (Consumer<byte[], byte[]> consumer = ReadOnlyConsumers.create(clientProperties);
                Deserializer<Completion> completions =
                        ReadOnlyConsumers.valuesOf(Completion.class, clientProperties);
                LineFile out = new LineFile(output);
                LineFile err = errors == null ? null : new LineFile(errors)) {
            Export export =
                    new Export(progress, out, err == null ? out : err, new JobIdSet(maxCheckedIds));
            return export(export, consumer, completions, InstantSource.system());
        }
    }

    /**
     * One run of an export over an assigned consumer; separate from the above for tests with
     * Kafka's mock consumer.
     */
    static ResultsReport export(
            Export export,
            Consumer<byte[], byte[]> consumer,
            Deserializer<Completion> completions,
            InstantSource clock)
            throws IOException {
        List<TopicPartition> partitions =
                ReadOnlyConsumers.partitions(consumer, Topics.COMPLETIONS);
        consumer.assign(partitions);
        Map<TopicPartition, Long> ends = new HashMap<>(consumer.endOffsets(partitions));
        seek(consumer, partitions, export.progress().getCreatedAt().minus(CLOCK_SLACK));
        Tally tally = new Tally();
        long left = pauseDone(consumer, ends);
        Instant lastProgress = clock.instant();
        while (left > 0) {
            ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
            for (ConsumerRecord<byte[], byte[]> record : records) {
                TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                if (record.offset() < ends.getOrDefault(partition, 0L)) {
                    export.take(record.value(), completions, tally);
                }
            }
            long leftNow = pauseDone(consumer, ends);
            if (leftNow < left) {
                left = leftNow;
                lastProgress = clock.instant();
            } else if (lastProgress.plus(STALL_TIMEOUT).isBefore(clock.instant())) {
                throw new IllegalStateException(
                        "topic "
                                + Topics.COMPLETIONS
                                + " gave nothing for "
                                + STALL_TIMEOUT
                                + " though "
                                + left
                                + " offsets are left; is Kafka reachable?");
            }
        }
        return export.finish(tally);
    }

    private BatchProgress progressOf(String batchId) {
        try (CompactedTable<BatchProgress> batches = BatchWatch.openTable(clientProperties)) {
            batches.readToEnd(READ_TIMEOUT);
            return BatchWatch.require(batches, batchId);
        }
    }

    private static void seek(
            Consumer<?, ?> consumer, List<TopicPartition> partitions, Instant from) {
        Map<TopicPartition, Long> times = new HashMap<>();
        for (TopicPartition partition : partitions) {
            times.put(partition, Math.max(0, from.toEpochMilli()));
        }
        Map<TopicPartition, OffsetAndTimestamp> starts = consumer.offsetsForTimes(times);
        for (TopicPartition partition : partitions) {
            OffsetAndTimestamp start = starts.get(partition);
            if (start == null) {
                consumer.seekToEnd(List.of(partition));
            } else {
                consumer.seek(partition, start.offset());
            }
        }
    }

    /**
     * Stops fetching from partitions that were read to their end; says how many offsets are left in
     * the others.
     */
    private static long pauseDone(Consumer<?, ?> consumer, Map<TopicPartition, Long> ends) {
        Set<TopicPartition> done = new HashSet<>();
        long left = 0;
        for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
            long here = consumer.position(end.getKey());
            if (here >= end.getValue()) {
                done.add(end.getKey());
            } else {
                left += end.getValue() - here;
            }
        }
        consumer.pause(done);
        return left;
    }

    /** Counts of one run. */
    private static final class Tally {
        private long completed;
        private long failed;
        private long doubled;
        private long unreadable;
    }

    /** What one run exports and where to; {@code errors} may be the same as {@code output}. */
    record Export(BatchProgress progress, LineFile output, LineFile errors, JobIdSet seen) {
        private void take(byte[] bytes, Deserializer<Completion> completions, Tally tally)
                throws IOException {
            Completion completion;
            try {
                completion = completions.deserialize(Topics.COMPLETIONS, bytes);
            } catch (WireFormatException e) {
                tally.unreadable++;
                return;
            }
            if (completion == null || !completion.getBatchId().equals(progress.getBatchId())) {
                return;
            }
            boolean isSentAgain = completion.getJobId().equals(completion.getServedFrom());
            if (!seen.add(completion.getJobId())) {
                tally.doubled += isSentAgain ? 0 : 1;
            } else if (BatchLineWriter.belongsToErrorFile(completion)) {
                errors.write(completion);
                tally.failed++;
            } else {
                output.write(completion);
                tally.completed++;
            }
        }

        private ResultsReport finish(Tally tally) throws IOException {
            output.finish();
            if (errors != output) {
                errors.finish();
            }
            return new ResultsReport(
                    progress,
                    tally.completed,
                    tally.failed,
                    tally.doubled,
                    tally.unreadable,
                    !seen.isFull());
        }
    }
}
