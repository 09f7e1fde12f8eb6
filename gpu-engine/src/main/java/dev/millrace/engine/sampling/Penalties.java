package dev.millrace.engine.sampling;

import dev.millrace.engine.api.SamplingParams;

import java.util.Map;

/**
 * Changes of the logits that depend on the request and its tokens so far, in vLLM's order:
 * logit_bias, then per token repetition penalty (prompt and output; CTRL, arXiv 1909.05858),
 * frequency and presence penalty (output; OpenAI's formula), the tokens that a constraint forbids.
 * Reuses its memory; one per thread.
 */
final class Penalties {
    private static final int APPLIED = -1;

    private final float[] adjusted;

    /** [vocabulary] how often a token occurs in the output; all zero between calls */
    private final int[] counts;

    Penalties(int vocabSize) {
        adjusted = new float[vocabSize];
        counts = new int[vocabSize];
    }

    static boolean needsHistory(SamplingParams params) {
        return params.repetitionPenalty() != 1
                || params.presencePenalty() != 0
                || params.frequencyPenalty() != 0;
    }

    /** The logits after bias and penalties; {@code logits} itself when there are none. */
    float[] apply(float[] logits, SampleRow row) {
        SamplingParams params = row.params();
        boolean history = needsHistory(params);
        if (!history && params.logitBias().isEmpty() && row.mask() == null) {
            return logits;
        }
        System.arraycopy(logits, 0, adjusted, 0, adjusted.length);
        for (Map.Entry<Integer, Float> bias : params.logitBias().entrySet()) {
            adjusted[bias.getKey()] += bias.getValue();
        }
        if (history) {
            penalise(row, params);
        }
        if (row.mask() != null) {
            forbid(row.mask().bits());
        }
        return adjusted;
    }

    /** Last, so that nothing else can bring a forbidden token back. */
    private void forbid(long[] allowed) {
        for (int token = 0; token < adjusted.length; token++) {
            if ((allowed[token >> 6] >>> token & 1) == 0) {
                adjusted[token] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    private void penalise(SampleRow row, SamplingParams params) {
        int[] tokens = row.tokens();
        for (int i = row.numPromptTokens(); i < row.numTokens(); i++) {
            counts[tokens[i]]++;
        }
        float repetition = (float) params.repetitionPenalty();
        for (int i = 0; i < row.numTokens(); i++) {
            int token = tokens[i];
            int count = counts[token];
            if (count == APPLIED) {
                continue;
            }
            counts[token] = APPLIED;
            float score = adjusted[token];
            score = score > 0 ? score / repetition : score * repetition;
            if (count > 0) {
                score -= (float) (params.frequencyPenalty() * count + params.presencePenalty());
            }
            adjusted[token] = score;
        }
        for (int i = 0; i < row.numTokens(); i++) {
            counts[tokens[i]] = 0;
        }
    }
}
