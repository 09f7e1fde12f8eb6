package dev.millrace.worker;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ErrorInfo;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.ArrayList;
import java.util.List;

/**
 * What is to be recorded when an engine breaks, so that the next one does not break over the same
 * job for ever (docs/adr/0018): every job that was inside has one failure more, and travels as a
 * hand-over without tokens. A job that was alone and has as many as it may have is the cause: it
 * ends as FAILED, with a dead letter. Nothing here calls the engine, whose state nobody knows.
 */
final class BrokenEngine {
    private static final Logger LOG = LoggerFactory.getLogger(BrokenEngine.class);
    private static final int MAX_MESSAGE_CHARS = 1000;

    private final WorkerContext context;
    private final JobBuffer jobs;
    private final HandOverWriter writer;
    private final ResultEncoder results;

    BrokenEngine(
            WorkerContext context, JobBuffer jobs, HandOverWriter writer, ResultEncoder results) {
        this.context = context;
        this.jobs = jobs;
        this.writer = writer;
        this.results = results;
    }

    /** Ends the job that is the cause, if that is certain; a record for each of the others. */
    List<ProducerRecord<byte[], byte[]>> accuse(Throwable failure) {
        List<InFlightJob> inside = List.copyOf(jobs.inEngine());
        LOG.error(
                "the engine broke with {} jobs in it: {}", inside.size(), FaultPlace.of(failure));
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (InFlightJob job : inside) {
            int failures = job.failures() + 1;
            if (inside.size() == 1 && failures >= context.config().maxEngineFailures()) {
                condemn(job, failures, failure);
            } else {
                records.add(writer.suspect(job, failures));
            }
        }
        return records;
    }

    private void condemn(InFlightJob job, int failures, Throwable failure) {
        String message =
                "the engine failed "
                        + failures
                        + " times with this job in it, the last time with no other: "
                        + failure;
        ErrorInfo error =
                new ErrorInfo(
                        "engine_failure",
                        message.substring(0, Math.min(message.length(), MAX_MESSAGE_CHARS)),
                        null);
        LOG.error("job {} ends: the engine failed {} times over it", job.job().getJobId(), failures);
        jobs.remove(job.request().requestId());
        Completion completion = results.failed(job.job(), error, CompletionStatus.FAILED);
        context.metrics().finished(completion);
        context.metrics().deadLetter();
        // Without the record's bytes: the job has its completion, so the record must not be replayed.
        jobs.finished(
                FinishedJob.condemned(job, completion, DeadLetters.of(context, job, letter(job, error))),
                context.clock().millis());
    }

    private static ErrorInfo letter(InFlightJob job, ErrorInfo error) {
        return new ErrorInfo(
                error.getCode(), "job " + job.job().getJobId() + ": " + error.getMessage(), null);
    }
}
