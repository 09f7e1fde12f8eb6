package dev.millrace.engine.sampling;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.structured.TokenMask;

/**
 * How to choose one token.
 *
 * @param params penalties, filters, temperature, how many log-probabilities to report
 * @param tokens the sequence so far; valid entries are 0 .. numTokens - 1; not to be changed or
 *     kept
 * @param numPromptTokens how many of them are prompt
 * @param numTokens how many there are
 * @param uniform a number in [0, 1) that is a function of (seed, choice, position) alone
 * @param mask the tokens that may be chosen; null for all
 */
public record SampleRow(
        SamplingParams params,
        int[] tokens,
        int numPromptTokens,
        int numTokens,
        double uniform,
        TokenMask mask) {

    /** A row that may choose any token. */
    public SampleRow(
            SamplingParams params,
            int[] tokens,
            int numPromptTokens,
            int numTokens,
            double uniform) {
        this(params, tokens, numPromptTokens, numTokens, uniform, null);
    }
}
