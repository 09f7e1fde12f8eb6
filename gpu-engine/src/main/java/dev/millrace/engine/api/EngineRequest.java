package dev.millrace.engine.api;

import java.util.Objects;

/**
 * One prompt to run.
 *
 * @param requestId the caller's handle, unique among the requests inside the engine
 * @param promptTokenIds the prompt as token ids, at least one
 * @param sampling how tokens are chosen, every field resolved
 * @param priority higher is admitted earlier
 */
public record EngineRequest(long requestId, int[] promptTokenIds, SamplingParams sampling, int priority) {
    public EngineRequest {
        Objects.requireNonNull(sampling, "sampling");
        if (promptTokenIds.length == 0) {
            throw new RequestRejectedException("invalid_request", "prompt", "the prompt has no tokens");
        }
    }
}
