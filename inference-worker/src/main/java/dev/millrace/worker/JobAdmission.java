package dev.millrace.worker;

import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.ByteBuffer;
import java.time.Instant;

/**
 * Takes delivered records in, or ends them at once: unreadable, refused, cancelled, or past their
 * deadline. What is taken in waits for the engine, or is parked while its batch is paused.
 */
final class JobAdmission {
    private static final Logger LOG = LoggerFactory.getLogger(JobAdmission.class);

    private final WorkerContext context;
    private final JobBuffer jobs;
    private final JobOrders orders;
    private final JobEngine engine;
    private final HandOvers handOvers;
    private final ResultEncoder results;
    private long nextRequestId;

    /** What prepares jobs, and what others had begun of them. */
    record Answering(JobEngine engine, HandOvers handOvers) {}

    JobAdmission(
            WorkerContext context,
            JobBuffer jobs,
            JobOrders orders,
            Answering answering,
            ResultEncoder results) {
        this.context = context;
        this.jobs = jobs;
        this.orders = orders;
        this.engine = answering.engine();
        this.handOvers = answering.handOvers();
        this.results = results;
    }

    /** Whether the engine wants further jobs; a remote one whose server is down does not. */
    boolean isOpen() {
        return engine.holdReason() == null;
    }

    /** The job waits for the engine, unless it can be ended here. */
    void admit(InFlightJob arrived) {
        PromptJob job = arrived.job();
        orders.override(job);
        if (orders.isCancelled(job)) {
            end(arrived, results.failed(job, JobOrders.cancelled(), CompletionStatus.CANCELLED));
            return;
        }
        if (job.getDeadline() != null
                && !Instant.ofEpochMilli(context.clock().millis()).isBefore(job.getDeadline())) {
            // The deadline has passed; the answer would be of no use.
            end(arrived, results.failed(job, JobOrders.expired(job), CompletionStatus.EXPIRED));
            return;
        }
        JobRequest request;
        try {
            request = prepare(job);
        } catch (RequestRejectedException e) {
            end(arrived, results.rejected(job, e));
            return;
        }
        jobs.add(withFormer(arrived.with(request)), orders.isPaused(job));
    }

    /** Adds what former owners of the job's partition have handed over. */
    private InFlightJob withFormer(InFlightJob arrived) {
        HandOvers.Former former =
                handOvers.take(arrived.ledger().partition(), arrived.job().getJobId());
        if (former == null) {
            return arrived;
        }
        InFlightJob known = arrived.suspected(former.failures());
        if (former.numTokens() == 0) {
            return known;
        }
        JobRequest resumed = arrived.request().resuming(former.tokens());
        context.metrics().handOvers().resumed(resumed.resumedTokens());
        return known.with(resumed);
    }

    /** An earlier run has answered the job: only its offset is still to be committed. */
    void skipAnswered(InFlightJob arrived) {
        context.metrics().answeredBefore();
        jobs.finished(FinishedJob.answeredBefore(arrived), context.clock().millis());
    }

    /** The record cannot be read: it is set aside with its bytes. */
    void setAside(
            InFlightJob arrived, ConsumerRecord<byte[], byte[]> record, RuntimeException reason) {
        LOG.warn(
                "{}-{} offset {} goes to dead-letters: {}",
                record.topic(),
                record.partition(),
                record.offset(),
                reason.getMessage());
        ErrorInfo error =
                new ErrorInfo("unreadable_record", String.valueOf(reason.getMessage()), null);
        DeadLetter letter = DeadLetters.of(context, arrived, error);
        letter.setKey(buffer(record.key()));
        letter.setValue(buffer(record.value()));
        context.metrics().deadLetter();
        jobs.finished(FinishedJob.setAside(arrived, letter), context.clock().millis());
    }

    private JobRequest prepare(PromptJob job) {
        try {
            return engine.prepare(job, nextRequestId++);
        } catch (RequestRejectedException e) {
            throw e;
        } catch (RuntimeException e) {
            // What is prepared depends on the job alone, so it would fail again for every worker
            // that is
            // given this job.
            LOG.error("job {} cannot be decoded: {}", job.getJobId(), FaultPlace.of(e));
            throw new RequestRejectedException(
                    "internal_error", null, "the request could not be decoded: " + e);
        }
    }

    private void end(InFlightJob job, Completion completion) {
        context.metrics().finished(completion);
        jobs.finished(FinishedJob.answered(job, completion), context.clock().millis());
    }

    private static ByteBuffer buffer(byte[] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }
}
