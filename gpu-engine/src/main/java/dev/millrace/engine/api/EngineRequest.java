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
 */
public record EngineRequest(
        long requestId,
        int[] promptTokenIds,
        SamplingParams sampling,
        int priority,
        long deadlineMs) {

    public static final long NO_DEADLINE = Long.MAX_VALUE;

    /** A request without a deadline. */
    public EngineRequest(
            long requestId, int[] promptTokenIds, SamplingParams sampling, int priority) {
        this(requestId, promptTokenIds, sampling, priority, NO_DEADLINE);
    }

    public EngineRequest {
        Objects.requireNonNull(sampling, "sampling");
        if (promptTokenIds.length == 0) {
            throw new RequestRejectedException("invalid_request", "prompt", "the prompt has no tokens");
        }
    }
}
