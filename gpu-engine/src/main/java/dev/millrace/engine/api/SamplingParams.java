package dev.millrace.engine.api;

import java.util.List;
import java.util.Map;

/**
 * How tokens are chosen, every value resolved and checked. Names and meanings are vLLM's and
 * OpenAI's.
 *
 * @param maxTokens most tokens to generate per choice, at least 1
 * @param temperature 0 is greedy
 * @param topP in (0, 1]
 * @param topK 0 keeps all
 * @param minP in [0, 1]
 * @param repetitionPenalty above 0; 1 is off; over prompt and output
 * @param presencePenalty in [-2, 2]; over output
 * @param frequencyPenalty in [-2, 2]; over output
 * @param logitBias token id to a number added to its logit, in [-100, 100]
 * @param logprobs alternatives to report per token; 0 reports the chosen token only; -1 nothing
 * @param stop strings that end the text
 * @param stopTokenIds token ids that end the text
 * @param n choices per request, at least 1
 * @param seed all randomness is a function of (seed, choice index, position)
 * @param ignoreEos go on after end-of-sequence
 * @param skipSpecialTokens leave special tokens out of the text
 */
public record SamplingParams(
        int maxTokens,
        double temperature,
        double topP,
        int topK,
        double minP,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        Map<Integer, Float> logitBias,
        int logprobs,
        List<String> stop,
        List<Integer> stopTokenIds,
        int n,
        long seed,
        boolean ignoreEos,
        boolean skipSpecialTokens) {

    public static final int MAX_LOGPROBS = 20;
    public static final int MAX_CHOICES = 128;

    public SamplingParams {
        check(maxTokens >= 1, "max_tokens", "must be at least 1", maxTokens);
        check(
                temperature >= 0 && temperature <= 2,
                "temperature",
                "must be in [0, 2]",
                temperature);
        check(topP > 0 && topP <= 1, "top_p", "must be in (0, 1]", topP);
        check(topK >= 0, "top_k", "must be 0 (all), -1 (all) or positive", topK);
        check(minP >= 0 && minP <= 1, "min_p", "must be in [0, 1]", minP);
        check(
                repetitionPenalty > 0 && repetitionPenalty < Double.POSITIVE_INFINITY,
                "repetition_penalty",
                "must be above 0",
                repetitionPenalty);
        check(
                presencePenalty >= -2 && presencePenalty <= 2,
                "presence_penalty",
                "must be in [-2, 2]",
                presencePenalty);
        check(
                frequencyPenalty >= -2 && frequencyPenalty <= 2,
                "frequency_penalty",
                "must be in [-2, 2]",
                frequencyPenalty);
        check(
                logprobs >= -1 && logprobs <= MAX_LOGPROBS,
                "top_logprobs",
                "must be at most " + MAX_LOGPROBS,
                logprobs);
        check(n >= 1 && n <= MAX_CHOICES, "n", "must be in [1, " + MAX_CHOICES + "]", n);
        logitBias = Map.copyOf(logitBias);
        stop = List.copyOf(stop);
        stopTokenIds = List.copyOf(stopTokenIds);
        check(
                stop.stream().noneMatch(String::isEmpty),
                "stop",
                "must not hold an empty string",
                stop);
        for (Map.Entry<Integer, Float> bias : logitBias.entrySet()) {
            check(Math.abs(bias.getValue()) <= 100, "logit_bias", "must be in [-100, 100]", bias);
        }
    }

    /** Greedy decoding of at most {@code maxTokens} tokens, everything else off. */
    public static SamplingParams greedy(int maxTokens) {
        return new SamplingParams(
                maxTokens, 0, 1, 0, 0, 1, 0, 0, Map.of(), -1, List.of(), List.of(), 1, 0, false,
                true);
    }

    public boolean isGreedy() {
        return temperature == 0;
    }

    private static void check(boolean holds, String param, String rule, Object value) {
        if (!holds) {
            throw new RequestRejectedException(
                    "invalid_request", param, param + " " + rule + ", not " + value);
        }
    }
}
