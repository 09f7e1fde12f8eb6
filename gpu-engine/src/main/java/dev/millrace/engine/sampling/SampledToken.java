package dev.millrace.engine.sampling;

/**
 * A chosen token.
 *
 * @param logprob of the raw logits, natural logarithm; NaN when log-probabilities were not asked for
 * @param topTokenIds the most likely tokens, best first; null when not asked for
 * @param topLogprobs theirs
 */
public record SampledToken(int tokenId, double logprob, int[] topTokenIds, double[] topLogprobs) {}
