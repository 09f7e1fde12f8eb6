package dev.millrace.worker;

import dev.millrace.schemas.HandOver;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * Stops jobs that this worker must let go and makes records of what they have generated, for the
 * last transaction before their partitions go. Bounded: what does not fit begins anew elsewhere.
 */
final class HandOverWriter {
    /** So that the last commit stays short. */
    static final long MAX_TOKENS = 1L << 20;

    private final WorkerContext context;
    private final JobEngine engine;
    private final ResultPublisher publisher;

    HandOverWriter(WorkerContext context, JobEngine engine, ResultPublisher publisher) {
        this.context = context;
        this.engine = engine;
        this.publisher = publisher;
    }

    /** Stops the jobs in the engine; one record for each that has generated something. */
    List<ProducerRecord<byte[], byte[]>> stop(Collection<InFlightJob> jobs) {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        long left = engine.modelFingerprint() == null ? 0 : MAX_TOKENS;
        for (InFlightJob job : jobs) {
            List<int[]> tokens = engine.stopForHandOver(job.request().requestId());
            if (tokens == null) {
                continue;
            }
            long size = tokens.stream().mapToLong(choice -> choice.length).sum();
            if (size <= left) {
                left -= size;
                records.add(record(job, tokens, job.failures()));
                context.metrics().handOvers().handedOver();
            }
        }
        return records;
    }

    /** For a job that an engine has broken over: no tokens, since nobody knows what they are worth. */
    ProducerRecord<byte[], byte[]> suspect(InFlightJob job, int failures) {
        return record(job, List.of(), failures);
    }

    private ProducerRecord<byte[], byte[]> record(
            InFlightJob job, List<int[]> tokens, int failures) {
        List<List<Integer>> choices =
                tokens.stream().map(choice -> Arrays.stream(choice).boxed().toList()).toList();
        HandOver value =
                new HandOver(
                        job.job().getJobId(),
                        engine.modelFingerprint(),
                        choices,
                        context.config().workerId(),
                        Instant.ofEpochMilli(context.clock().millis()),
                        failures);
        TopicPartition ready = job.ledger().partition();
        return publisher.handOver(
                HandOvers.topicOf(ready), ready.partition(), job.job().getJobId(), value);
    }
}
