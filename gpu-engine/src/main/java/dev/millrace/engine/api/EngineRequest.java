package dev.millrace.engine.api;

import java.util.Objects;

/**
 * One prompt to run.
 *
 * @param requestId the caller's handle, unique among the requests inside the engine
 * @param promptTokenIds the prompt as token ids, at least one
 * @param sampling how tokens are chosen, every field resolved
 * @param priority higher is admitted earlier
 * @param constraint the form that the answer must have; null for any
 */
public record EngineRequest(
        long requestId,
        int[] promptTokenIds,
        SamplingParams sampling,
        int priority,
        TextConstraint constraint) {

    /** A request whose answer may have any form. */
    public EngineRequest(
            long requestId, int[] promptTokenIds, SamplingParams sampling, int priority) {
        this(requestId, promptTokenIds, sampling, priority, null);
    }

    public EngineRequest {
        Objects.requireNonNull(sampling, "sampling");
        if (promptTokenIds.length == 0) {
            throw new RequestRejectedException("invalid_request", "prompt", "the prompt has no tokens");
        }
        if (constraint != null && sampling.ignoreEos()) {
            throw new RequestRejectedException(
                    "invalid_request",
                    "ignore_eos",
                    "ignore_eos cannot be met beside "
                            + constraint.field()
                            + ": the end of the answer is part of its form");
        }
    }
}
