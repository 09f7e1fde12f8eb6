package dev.millrace.engine.model;

/**
 * Sampling values of a checkpoint's generation_config.json, for requests that leave them open; null
 * where the file says nothing.
 *
 * @param eosTokenIds tokens that end a text
 */
public record GenerationDefaults(
        Double temperature,
        Double topP,
        Integer topK,
        Double minP,
        Double repetitionPenalty,
        int[] eosTokenIds) {}
