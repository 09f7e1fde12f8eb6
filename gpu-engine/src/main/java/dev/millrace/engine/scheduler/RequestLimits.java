package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.RequestRejectedException;

/**
 * Which requests can run at all.
 *
 * @param maxModelLen most tokens of prompt and output together
 * @param vocabSize token ids are below it
 * @param kvCapacityTokens most tokens whose KV fits the cache
 */
record RequestLimits(int maxModelLen, int vocabSize, long kvCapacityTokens) {

    /**
     * Checks a request. An output limit beyond the context is cut to what is left of it.
     *
     * @return most tokens of prompt and output together
     * @throws RequestRejectedException when it can never run
     */
    int maxTotalTokens(EngineRequest request) {
        int promptTokens = request.promptTokenIds().length;
        if (promptTokens >= maxModelLen) {
            throw new RequestRejectedException(
                    "context_length_exceeded",
                    "prompt",
                    "the prompt has "
                            + promptTokens
                            + " tokens; the context of this model is "
                            + maxModelLen
                            + " tokens, of which at least one is for the answer");
        }
        for (int token : request.promptTokenIds()) {
            checkToken(token, "prompt");
        }
        for (int token : request.sampling().logitBias().keySet()) {
            checkToken(token, "logit_bias");
        }
        int total =
                (int) Math.min(maxModelLen, (long) promptTokens + request.sampling().maxTokens());
        // The last token is never computed, so it needs no place.
        if (total - 1 > kvCapacityTokens) {
            throw new RequestRejectedException(
                    "kv_cache_too_small",
                    "max_tokens",
                    "prompt and answer may take "
                            + total
                            + " tokens; the KV cache holds "
                            + kvCapacityTokens
                            + ": shorten them, or give the engine more kvCacheBytes");
        }
        return total;
    }

    private void checkToken(int token, String param) {
        if (token < 0 || token >= vocabSize) {
            throw new RequestRejectedException(
                    "invalid_request",
                    param,
                    param
                            + " holds token id "
                            + token
                            + "; the vocabulary is 0 to "
                            + (vocabSize - 1));
        }
    }
}
