package dev.millrace.engine.sampling;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.structured.TokenMask;

/** How to choose one token. Whoever makes rows step by step uses the same ones again. */
public final class SampleRow {
    private SamplingParams params;
    private int[] tokens;
    private int numPromptTokens;
    private int numTokens;
    private double uniform;
    private TokenMask mask;

    /** A row to be {@link #set}. */
    public SampleRow() {}

    /** A row that may choose any token; see {@link #set}. */
    public SampleRow(
            SamplingParams params,
            int[] tokens,
            int numPromptTokens,
            int numTokens,
            double uniform) {
        set(params, tokens, numPromptTokens, numTokens, uniform, null);
    }

    /**
     * Says how to choose.
     *
     * @param params penalties, filters, temperature, how many log-probabilities to report
     * @param tokens the sequence so far; valid entries are 0 .. numTokens - 1; not to be changed or
     *     kept
     * @param numPromptTokens how many of them are prompt
     * @param numTokens how many there are
     * @param uniform a number in [0, 1) that is a function of (seed, choice, position) alone
     * @param mask the tokens that may be chosen; null for all
     * @return this
     */
    public SampleRow set(
            SamplingParams params,
            int[] tokens,
            int numPromptTokens,
            int numTokens,
            double uniform,
            TokenMask mask) {
        this.params = params;
        this.tokens = tokens;
        this.numPromptTokens = numPromptTokens;
        this.numTokens = numTokens;
        this.uniform = uniform;
        this.mask = mask;
        return this;
    }

    public SamplingParams params() {
        return params;
    }

    /** The sequence so far, valid below {@link #numTokens}. */
    public int[] tokens() {
        return tokens;
    }

    public int numPromptTokens() {
        return numPromptTokens;
    }

    public int numTokens() {
        return numTokens;
    }

    /** In [0, 1). */
    public double uniform() {
        return uniform;
    }

    /** The tokens that may be chosen; null for all. */
    public TokenMask mask() {
        return mask;
    }
}
