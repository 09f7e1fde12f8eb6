package dev.millrace.engine.sampling;

import dev.millrace.engine.api.SamplingParams;

/**
 * How to choose one token.
 *
 * @param params penalties, filters, temperature, how many log-probabilities to report
 * @param tokens the sequence so far; valid entries are 0 .. numTokens - 1; not to be changed or
 *     kept
 * @param numPromptTokens how many of them are prompt
 * @param numTokens how many there are
 * @param uniform a number in [0, 1) that is a function of (seed, choice, position) alone
 */
public record SampleRow(
        SamplingParams params, int[] tokens, int numPromptTokens, int numTokens, double uniform) {}
