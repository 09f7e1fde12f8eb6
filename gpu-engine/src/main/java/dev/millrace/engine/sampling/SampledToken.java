package dev.millrace.engine.sampling;

/**
 * A chosen token.
 *
 * @param tokenId the token, or {@link #INVALID}
 * @param logprob of the raw logits, natural logarithm; NaN when log-probabilities were not asked
 *     for
 * @param topTokenIds the most likely tokens, best first; null when not asked for
 * @param topLogprobs theirs
 */
public record SampledToken(int tokenId, double logprob, int[] topTokenIds, double[] topLogprobs) {

    /**
     * The id that says: the logits were NaN or infinite, nothing could be chosen. The engine fails
     * the request.
     */
    public static final int INVALID = -1;

    /** A token without log-probabilities. */
    public static SampledToken of(int tokenId) {
        return new SampledToken(tokenId, Double.NaN, null, null);
    }
}
