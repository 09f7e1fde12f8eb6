package dev.millrace.worker;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.UsageEvent;

import java.time.Instant;
import java.time.InstantSource;
import java.util.List;

/**
 * Turns what the engine made of a job into the job's one completion, and the completion into its
 * usage.
 */
public final class ResultEncoder {
    private final String workerId;
    private final String modelFingerprint;
    private final InstantSource clock;

    /**
     * @param modelFingerprint tells answers apart by checkpoint; null where nobody can tell
     */
    public ResultEncoder(String workerId, String modelFingerprint, InstantSource clock) {
        this.workerId = workerId;
        this.modelFingerprint = modelFingerprint;
        this.clock = clock;
    }

    /** COMPLETED, or FAILED where the engine reports a failure. */
    public Completion encode(PromptJob job, JobAnswer result) {
        CompletionStatus status =
                result.error() == null ? CompletionStatus.COMPLETED : CompletionStatus.FAILED;
        Completion completion = answer(job, status, result.error());
        describe(completion, result);
        return completion;
    }

    private static void describe(Completion completion, JobAnswer result) {
        EngineResult.Timing timing = result.timing();
        completion.setChoices(result.choices());
        completion.setUsage(result.usage());
        completion.setStartedAt(instantOrNull(timing.firstScheduledMs()));
        completion.setFirstTokenAt(instantOrNull(timing.firstTokenMs()));
        completion.setFinishedAt(Instant.ofEpochMilli(timing.finishedMs()));
        completion.setSeed(result.seed());
    }

    /** A job that ended without an answer. */
    public Completion failed(PromptJob job, ErrorInfo error, CompletionStatus status) {
        return answer(job, status, error);
    }

    /**
     * A job that was stopped: EXPIRED or CANCELLED, with what it had made.
     *
     * @param partial null when the job never got to the engine, or the engine cannot tell
     */
    Completion stopped(
            PromptJob job, JobAnswer partial, ErrorInfo reason, CompletionStatus status) {
        Completion completion = answer(job, status, reason);
        if (partial != null && partial.promptTokens() > 0) {
            describe(completion, partial);
        }
        return completion;
    }

    /** A job that the decoder or the engine refused. */
    public Completion rejected(PromptJob job, RequestRejectedException rejection) {
        return failed(
                job,
                new ErrorInfo(
                        rejection.code(), rejection.getMessage(), bodyPath(rejection.param())),
                CompletionStatus.FAILED);
    }

    /** What the tenant pays for, or null when the job never reached the model. */
    public UsageEvent usage(Completion completion) {
        if (completion.getUsage() == null) {
            return null;
        }
        return new UsageEvent(
                completion.getJobId(),
                completion.getBatchId(),
                completion.getTenant(),
                completion.getModel(),
                completion.getUsage(),
                completion.getFinishedAt());
    }

    private Completion answer(PromptJob job, CompletionStatus status, ErrorInfo error) {
        Completion completion = new Completion();
        completion.setJobId(job.getJobId());
        completion.setCustomId(job.getCustomId());
        completion.setBatchId(job.getBatchId());
        completion.setTenant(job.getTenant());
        completion.setModel(job.getModel());
        completion.setEndpoint(job.getEndpoint());
        completion.setStatus(status);
        completion.setChoices(List.of());
        completion.setError(error);
        completion.setMetadata(job.getMetadata());
        completion.setCreatedAt(job.getCreatedAt());
        completion.setFinishedAt(Instant.ofEpochMilli(clock.millis()));
        completion.setWorkerId(workerId);
        completion.setModelFingerprint(modelFingerprint);
        return completion;
    }

    /** Path in the request body, as the contract wants it; paths that already begin there stay. */
    private static String bodyPath(String param) {
        return param == null || param.startsWith("body") ? param : "body." + param;
    }

    private static Instant instantOrNull(long epochMs) {
        return epochMs > 0 ? Instant.ofEpochMilli(epochMs) : null;
    }
}
