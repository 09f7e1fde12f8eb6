package dev.millrace.engine.api;

import java.util.List;

/**
 * What became of a request.
 *
 * @param choices one per {@code n}, in order
 * @param promptTokens tokens of the prompt
 * @param cachedTokens prompt tokens whose KV came out of the prefix cache when the request was
 *     first admitted
 * @param error null unless the request failed inside the engine
 */
public record EngineResult(
        long requestId,
        List<Choice> choices,
        int promptTokens,
        int cachedTokens,
        Timing timing,
        Failure error) {

    /**
     * @param stopReason the stop string, or the stop token id in decimal, that ended the text; null
     *     otherwise
     * @param tokenIds the generated tokens, the ending one included
     * @param logprobs null unless asked for
     */
    public record Choice(
            int index,
            String text,
            int[] tokenIds,
            FinishReason finishReason,
            String stopReason,
            List<TokenLogprob> logprobs) {}

    /** Instants in milliseconds of the engine's clock. */
    public record Timing(
            long submittedMs, long firstScheduledMs, long firstTokenMs, long finishedMs) {}

    /**
     * @param code machine-readable
     */
    public record Failure(String code, String message) {}

    public int completionTokens() {
        int sum = 0;
        for (Choice choice : choices) {
            sum += choice.tokenIds().length;
        }
        return sum;
    }
}
