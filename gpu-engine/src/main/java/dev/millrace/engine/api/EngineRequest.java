package dev.millrace.engine.api;

import java.util.Objects;

/**
 * One prompt to run.
 *
 * @param requestId the caller's handle, unique among the requests inside the engine
 * @param promptTokenIds the prompt as token ids, at least one
 * @param sampling how tokens are chosen, every field resolved
 * @param priority higher is admitted earlier
 * @param deadlineMs when the answer stops being of use, in epoch milliseconds; {@link #NO_DEADLINE}
 *     if never. It only tells who goes first: the engine ends nothing by itself
 * @param constraint the form that the answer must have; null for any
 */
public record EngineRequest(
        long requestId,
        int[] promptTokenIds,
        SamplingParams sampling,
        int priority,
        long deadlineMs,
        TextConstraint constraint) {

    public static final long NO_DEADLINE = Long.MAX_VALUE;

    /** A request without a deadline, whose answer may have any form. */
    public EngineRequest(
            long requestId, int[] promptTokenIds, SamplingParams sampling, int priority) {
        this(requestId, promptTokenIds, sampling, priority, NO_DEADLINE, null);
    }

    /** A request whose answer may have any form. */
    public EngineRequest(
            long requestId,
            int[] promptTokenIds,
            SamplingParams sampling,
            int priority,
            long deadlineMs) {
        this(requestId, promptTokenIds, sampling, priority, deadlineMs, null);
    }

    /** A request without a deadline. */
    public EngineRequest(
            long requestId,
            int[] promptTokenIds,
            SamplingParams sampling,
            int priority,
            TextConstraint constraint) {
        this(requestId, promptTokenIds, sampling, priority, NO_DEADLINE, constraint);
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
