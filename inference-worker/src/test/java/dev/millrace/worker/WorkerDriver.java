package dev.millrace.worker;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;

import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * The commit cycle with Kafka's mock clients, one partition, and jobs that end when a test says so.
 */
final class WorkerDriver {
    static final TopicPartition PARTITION = new TopicPartition(Topics.ready("pool"), 0);

    final ManualClock clock = new ManualClock();
    final WorkerConfig config = WorkerConfig.defaults("worker-1", "pool", "cpu", Map.of());
    final WorkerContext context = TestJobs.context(config, clock);
    final SimulatedEngine engine = new SimulatedEngine(clock, request -> 1);
    final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("earliest");
    final RefusingProducer producer = new RefusingProducer();
    final Map<TopicPartition, OffsetLedger> ledgers = new LinkedHashMap<>();
    final JobBuffer jobs = new JobBuffer(config, WorkerLimits.of(config));
    final ResultEncoder results = new ResultEncoder("worker-1", "fingerprint", clock);
    final CommitCycle commits;
    private final Map<Long, InFlightJob> delivered = new HashMap<>();

    WorkerDriver() {
        ResultPublisher publisher = new ResultPublisher(TestJobs.SERIALIZER, results);
        WorkerStatsPublisher stats =
                new WorkerStatsPublisher(
                        context,
                        new LocalJobEngine(TestJobs.model(engine)),
                        jobs,
                        ledgers,
                        publisher,
                        () -> WorkerState.RUNNING);
        commits =
                new CommitCycle(
                        context,
                        new CommitCycle.WorkerClientPair(consumer, producer),
                        ledgers,
                        jobs,
                        publisher,
                        stats);
        producer.initTransactions();
        consumer.assign(List.of(PARTITION));
        assign(0);
    }

    void assign(long offset) {
        consumer.seek(PARTITION, offset);
        ledgers.put(PARTITION, new OffsetLedger(PARTITION, offset, FinishedAhead.NONE, 0, 3072));
    }

    /** A commit, due or not, with nothing to hand over. */
    CommitCycle.Outcome flush() {
        return commits.flush(List.of());
    }

    void revoke() {
        ledgers.remove(PARTITION).revoke();
        jobs.dropRevoked();
    }

    void deliver(long offset, String jobId) {
        OffsetLedger ledger = ledgers.get(PARTITION);
        ledger.deliver(offset);
        PromptJob job = TestJobs.job(jobId);
        InFlightJob arrived = new InFlightJob(ledger, offset, 10, new RecordHeaders(), job, null);
        delivered.put(
                offset,
                arrived.with(new LocalJobEngine(TestJobs.model(engine)).prepare(job, offset)));
    }

    void finish(long offset, String jobId) {
        deliver(offset, jobId);
        InFlightJob job = delivered.get(offset);
        EngineResult.Choice choice =
                new EngineResult.Choice(0, "text", new int[] {7, 2}, FinishReason.STOP, null, null);
        EngineResult result =
                new EngineResult(
                        offset, List.of(choice), 3, 0, new EngineResult.Timing(1, 2, 3, 4), null);
        jobs.finished(
                FinishedJob.answered(
                        job,
                        results.encode(
                                job.job(),
                                LocalAnswers.encode(
                                        (LocalJobEngine.LocalRequest) job.request(), result))),
                clock.millis());
    }

    /**
     * The broker will fail this job's record, and with it the transaction, as long as it is as it
     * is.
     */
    void refuse(String jobId, RuntimeException reason) {
        producer.refusals.put(jobId + " COMPLETED", reason);
    }

    /** What the group has committed for the partition; null for nothing. */
    OffsetAndMetadata committedOffset() {
        OffsetAndMetadata last = null;
        for (Map<String, Map<TopicPartition, OffsetAndMetadata>> commit :
                producer.consumerGroupOffsetsHistory()) {
            last = commit.get("dummy.group.id").getOrDefault(PARTITION, last);
        }
        return last;
    }

    /**
     * Kafka's mock, with sends that fail as the real producer's do: by callback, and again at the
     * commit.
     */
    static final class RefusingProducer extends MockProducer<byte[], byte[]> {
        final Map<String, RuntimeException> refusals = new HashMap<>();
        private RuntimeException failed;

        RefusingProducer() {
            super(true, null, new ByteArraySerializer(), new ByteArraySerializer());
        }

        @Override
        public synchronized Future<RecordMetadata> send(
                ProducerRecord<byte[], byte[]> record, Callback callback) {
            RuntimeException refusal =
                    refusals.get(new String(record.value(), StandardCharsets.UTF_8));
            if (refusal == null) {
                return super.send(record, callback);
            }
            failed = refusal;
            callback.onCompletion(null, refusal);
            return CompletableFuture.failedFuture(refusal);
        }

        @Override
        public void commitTransaction() {
            if (failed != null) {
                throw new KafkaException("a send has failed", failed);
            }
            super.commitTransaction();
        }

        @Override
        public void abortTransaction() {
            failed = null;
            super.abortTransaction();
        }
    }
}
