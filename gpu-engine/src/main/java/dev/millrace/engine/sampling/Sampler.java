package dev.millrace.engine.sampling;

import dev.millrace.engine.api.SamplingParams;
import java.util.Arrays;

/**
 * Chooses tokens on the host with the meaning that vLLM and transformers give the parameters, in vLLM's order: bias and
 * penalties, temperature, min_p, top_k, top_p, then inversion of the distribution by the row's uniform number. Reuses
 * its memory, so each thread needs its own.
 *
 * <p>No vocabulary is sorted: min_p and top_k are thresholds on the logit, and top_p sorts only the tokens that share
 * the power of two in which the boundary lies.
 */
public final class Sampler implements RowSampler {
    /** Weights are at most 1, so that their binary exponents run from 0 down to that of the smallest doubles. */
    private static final int EXPONENTS = 1 - (Double.MIN_EXPONENT - 1);

    private final int vocabSize;
    private final Penalties penalties;
    private final TopK topK = new TopK();
    /** [vocabulary] unnormalised probabilities; 0 for tokens that are filtered out */
    private final double[] weights;
    private final double[] massByExponent = new double[EXPONENTS];
    private long[] boundaryKeys = new long[64];

    public Sampler(int vocabSize) {
        this.vocabSize = vocabSize;
        penalties = new Penalties(vocabSize);
        weights = new double[vocabSize];
    }

    @Override
    public SampledToken sample(float[] logits, SampleRow row) {
        float[] scores = penalties.apply(logits, row);
        float max = max(scores, vocabSize);
        if (!Float.isFinite(max)) {
            return SampledToken.of(SampledToken.INVALID);
        }
        int token = row.params().isGreedy() ? indexOf(scores, max) : draw(scores, max, row);
        return row.params().logprobs() < 0 ? SampledToken.of(token) : withLogprobs(logits, token, row.params().logprobs());
    }

    /** The distribution that {@link #sample} draws from, by token id. */
    public double[] probabilities(float[] logits, SampleRow row) {
        float[] scores = penalties.apply(logits, row);
        float max = max(scores, vocabSize);
        double[] probabilities = new double[vocabSize];
        if (row.params().isGreedy()) {
            probabilities[indexOf(scores, max)] = 1;
            return probabilities;
        }
        double total = weigh(scores, max, row.params());
        for (int i = 0; i < vocabSize; i++) {
            probabilities[i] = weights[i] / total;
        }
        return probabilities;
    }

    private int draw(float[] scores, float max, SampleRow row) {
        double left = row.uniform() * weigh(scores, max, row.params());
        int last = 0;
        for (int i = 0; i < vocabSize; i++) {
            if (weights[i] > 0) {
                left -= weights[i];
                if (left < 0) {
                    return i;
                }
                last = i;
            }
        }
        // Rounding can leave a crumb of the total; it belongs to the last token.
        return last;
    }

    /** Fills {@link #weights} and returns their sum. */
    private double weigh(float[] scores, float max, SamplingParams params) {
        double inverseTemperature = 1 / params.temperature();
        double lowest = lowestScore(scores, max, params);
        double total = 0;
        for (int i = 0; i < vocabSize; i++) {
            double weight = scores[i] >= lowest ? Math.exp(((double) scores[i] - max) * inverseTemperature) : 0;
            weights[i] = weight;
            total += weight;
        }
        return params.topP() < 1 ? keepNucleus(scores, params.topP() * total) : total;
    }

    /** The score below which min_p and top_k drop a token. Ties with it stay, as in both models. */
    private double lowestScore(float[] scores, float max, SamplingParams params) {
        double lowest = Double.NEGATIVE_INFINITY;
        if (params.minP() > 0) {
            lowest = max + params.temperature() * Math.log(params.minP());
        }
        if (params.topK() > 0 && params.topK() < vocabSize) {
            topK.select(scores, vocabSize, params.topK());
            lowest = Math.max(lowest, topK.worst());
        }
        return lowest;
    }

    /**
     * Top-p (nucleus, arXiv 1904.09751): keeps a token while the mass of those before it, best first, is below
     * {@code wanted}. Among equal scores the lower id comes first. Returns the mass kept.
     */
    private double keepNucleus(float[] scores, double wanted) {
        Arrays.fill(massByExponent, 0);
        for (int i = 0; i < vocabSize; i++) {
            if (weights[i] > 0) {
                massByExponent[-Math.getExponent(weights[i])] += weights[i];
            }
        }
        int boundary = 0;
        double before = 0;
        while (boundary < EXPONENTS - 1 && before + massByExponent[boundary] < wanted) {
            before += massByExponent[boundary++];
        }
        int count = collect(scores, boundary);
        double kept = before;
        for (int k = 0; k < count; k++) {
            int token = (int) boundaryKeys[k];
            if (kept < wanted) {
                kept += weights[token];
            } else {
                weights[token] = 0;
            }
        }
        return kept;
    }

    /** Drops what lies below the boundary's power of two, and sorts what lies in it, best first. */
    private int collect(float[] scores, int boundary) {
        int count = 0;
        for (int i = 0; i < vocabSize; i++) {
            if (weights[i] == 0) {
                continue;
            }
            int exponent = -Math.getExponent(weights[i]);
            if (exponent > boundary) {
                weights[i] = 0;
            } else if (exponent == boundary) {
                if (count == boundaryKeys.length) {
                    boundaryKeys = Arrays.copyOf(boundaryKeys, 2 * count);
                }
                boundaryKeys[count++] = ((long) ~sortable(scores[i]) << 32) | i;
            }
        }
        Arrays.sort(boundaryKeys, 0, count);
        return count;
    }

    private SampledToken withLogprobs(float[] logits, int token, int count) {
        float max = max(logits, vocabSize);
        double sum = 0;
        for (int i = 0; i < vocabSize; i++) {
            sum += Math.exp((double) logits[i] - max);
        }
        double logTotal = max + Math.log(sum);
        topK.select(logits, vocabSize, Math.min(count, vocabSize));
        int[] ids = topK.drain();
        double[] logprobs = new double[ids.length];
        for (int k = 0; k < ids.length; k++) {
            logprobs[k] = logits[ids[k]] - logTotal;
        }
        return new SampledToken(token, logits[token] - logTotal, ids, logprobs);
    }

    /** An int that orders as the float does. */
    private static int sortable(float value) {
        int bits = Float.floatToIntBits(value);
        return bits ^ ((bits >> 31) & 0x7FFFFFFF);
    }

    /** The largest value; NaN if any is. Written so that the compiler makes it a vector loop. */
    private static float max(float[] values, int n) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, values[i]);
        }
        return max;
    }

    private static int indexOf(float[] values, float wanted) {
        int i = 0;
        while (values[i] != wanted) {
            i++;
        }
        return i;
    }
}
