package dev.millrace.worker;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.TokenLogprob;
import dev.millrace.schemas.TopLogprob;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.UsageEvent;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Turns what the engine made of a job into the job's one completion, and the completion into its
 * usage.
 */
public final class ResultEncoder {
    private final String workerId;
    private final LoadedModel model;
    private final InstantSource clock;

    public ResultEncoder(String workerId, LoadedModel model, InstantSource clock) {
        this.workerId = workerId;
        this.model = model;
        this.clock = clock;
    }

    /**
     * COMPLETED, or FAILED where the engine reports a failure.
     *
     * @param request what {@link RequestDecoder} made of the job; its seed and prompt tokens are
     *     reported
     */
    public Completion encode(PromptJob job, EngineRequest request, EngineResult result) {
        EngineResult.Failure failure = result.error();
        Completion completion =
                failure == null
                        ? answer(job, CompletionStatus.COMPLETED, null)
                        : answer(
                                job,
                                CompletionStatus.FAILED,
                                new ErrorInfo(failure.code(), failure.message(), null));
        describe(completion, job, request, result);
        return completion;
    }

    private static void describe(
            Completion completion, PromptJob job, EngineRequest request, EngineResult result) {
        EngineResult.Timing timing = result.timing();
        completion.setChoices(choices(job, request, result));
        completion.setUsage(
                new Usage(result.promptTokens(), result.cachedTokens(), result.completionTokens()));
        completion.setStartedAt(instantOrNull(timing.firstScheduledMs()));
        completion.setFirstTokenAt(instantOrNull(timing.firstTokenMs()));
        completion.setFinishedAt(Instant.ofEpochMilli(timing.finishedMs()));
        completion.setSeed(request.sampling().seed());
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
            PromptJob job,
            EngineRequest request,
            EngineResult partial,
            ErrorInfo reason,
            CompletionStatus status) {
        Completion completion = answer(job, status, reason);
        if (partial != null && partial.promptTokens() > 0) {
            describe(completion, job, request, partial);
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
        completion.setModelFingerprint(model.fingerprint());
        return completion;
    }

    private static List<Choice> choices(PromptJob job, EngineRequest request, EngineResult result) {
        boolean returnTokenIds = job.getSampling().getReturnTokenIds();
        List<Integer> promptTokenIds = returnTokenIds ? boxed(request.promptTokenIds()) : null;
        List<Choice> choices = new ArrayList<>(result.choices().size());
        for (EngineResult.Choice choice : result.choices()) {
            choices.add(
                    new Choice(
                            choice.index(),
                            choice.text(),
                            choice.finishReason().openAiName(),
                            choice.stopReason(),
                            returnTokenIds ? boxed(choice.tokenIds()) : null,
                            promptTokenIds,
                            logprobs(choice.logprobs())));
        }
        return choices;
    }

    private static List<TokenLogprob> logprobs(List<dev.millrace.engine.api.TokenLogprob> tokens) {
        if (tokens == null) {
            return null;
        }
        List<TokenLogprob> encoded = new ArrayList<>(tokens.size());
        for (dev.millrace.engine.api.TokenLogprob token : tokens) {
            List<TopLogprob> top = new ArrayList<>(token.top().size());
            for (dev.millrace.engine.api.TokenLogprob other : token.top()) {
                top.add(
                        new TopLogprob(
                                other.token(),
                                other.tokenId(),
                                other.logprob(),
                                ByteBuffer.wrap(other.bytes())));
            }
            encoded.add(
                    new TokenLogprob(
                            token.token(),
                            token.tokenId(),
                            token.logprob(),
                            ByteBuffer.wrap(token.bytes()),
                            top));
        }
        return encoded;
    }

    /** Path in the request body, as the contract wants it; paths that already begin there stay. */
    private static String bodyPath(String param) {
        return param == null || param.startsWith("body") ? param : "body." + param;
    }

    private static Instant instantOrNull(long epochMs) {
        return epochMs > 0 ? Instant.ofEpochMilli(epochMs) : null;
    }

    private static List<Integer> boxed(int[] values) {
        List<Integer> list = new ArrayList<>(values.length);
        for (int value : values) {
            list.add(value);
        }
        return list;
    }
}
