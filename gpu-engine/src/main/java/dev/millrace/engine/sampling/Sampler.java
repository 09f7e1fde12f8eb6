package dev.millrace.engine.sampling;

import dev.millrace.engine.api.SamplingParams;

import java.util.Arrays;

/**
 * Chooses tokens on the host with the meaning that vLLM and transformers give the parameters, in
 * vLLM's order: bias and penalties, temperature, min_p, top_k, top_p, then inversion of the
 * distribution by the row's uniform number. Reuses its memory, so each thread needs its own.
 *
 * <p>No vocabulary is sorted: min_p and top_k are thresholds on the logit, and top_p sorts only the
 * tokens that share the power of two in which the boundary lies.
 */
public final class Sampler implements RowSampler {
    /**
     * Weights are at most 1, so that their binary exponents run from 0 down to that of the smallest
     * doubles.
     */
    private static final int EXPONENTS = 1 - (Double.MIN_EXPONENT - 1);

    /** Tokens whose mass is summed at once when a token is drawn. */
    private static final int RUN = 1024;

    /**
     * Weight relative to the best token's, above which the boundary of top_p is looked for first.
     */
    private static final double LIKELY = 0x1p-16;

    private final int vocabSize;
    private final Penalties penalties;
    private final TopK topK = new TopK();

    /** [vocabulary] unnormalised probabilities; 0 for tokens that are filtered out */
    private final double[] weights;

    private final double[] massByExponent = new double[EXPONENTS];
    private long[] boundaryKeys = new long[64];

    /** [vocabulary] tokens without log-probabilities, each made when it is first chosen */
    private final SampledToken[] plain;

    public Sampler(int vocabSize) {
        this.vocabSize = vocabSize;
        penalties = new Penalties(vocabSize);
        weights = new double[vocabSize];
        plain = new SampledToken[vocabSize];
    }

    @Override
    public SampledToken sample(float[] logits, SampleRow row) {
        float[] scores = penalties.apply(logits, row);
        float max = VocabLoops.max(scores, vocabSize);
        if (!Float.isFinite(max)) {
            return SampledToken.of(SampledToken.INVALID);
        }
        int token =
                row.params().isGreedy()
                        ? VocabLoops.indexOf(scores, vocabSize, max)
                        : draw(scores, max, row);
        return row.params().logprobs() < 0
                ? plain(token)
                : withLogprobs(logits, token, row.params().logprobs());
    }

    private SampledToken plain(int token) {
        if (plain[token] == null) {
            plain[token] = SampledToken.of(token);
        }
        return plain[token];
    }

    /** The distribution that {@link #sample} draws from, by token id. */
    public double[] probabilities(float[] logits, SampleRow row) {
        float[] scores = penalties.apply(logits, row);
        float max = VocabLoops.max(scores, vocabSize);
        double[] probabilities = new double[vocabSize];
        if (row.params().isGreedy()) {
            probabilities[VocabLoops.indexOf(scores, vocabSize, max)] = 1;
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
        for (int run = 0; run < vocabSize; run += RUN) {
            int end = Math.min(vocabSize, run + RUN);
            double mass = VocabLoops.sum(weights, run, end);
            if (left >= mass) {
                left -= mass;
                last = mass > 0 ? run : last;
                continue;
            }
            for (int i = run; i < end; i++) {
                left -= weights[i];
                if (left < 0) {
                    return i;
                }
            }
            last = run;
        }
        // Rounding can leave a crumb of the total; it belongs to the last token.
        return lastIn(last);
    }

    private int lastIn(int run) {
        int i = Math.min(vocabSize, run + RUN) - 1;
        while (weights[i] == 0) {
            i--;
        }
        return i;
    }

    /** Fills {@link #weights} and returns their sum. */
    private double weigh(float[] scores, float max, SamplingParams params) {
        VocabLoops.weigh(
                scores,
                vocabSize,
                max,
                1 / params.temperature(),
                lowestScore(scores, max, params),
                weights);
        double total = VocabLoops.sum(weights, 0, vocabSize);
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
     * Top-p (nucleus, arXiv 1904.09751): keeps a token while the mass of those before it, best
     * first, is below {@code wanted}. Among equal scores the lower id comes first. Returns the mass
     * kept.
     */
    private double keepNucleus(float[] scores, double wanted) {
        // The boundary is nearly always among the likely tokens; only a flat distribution needs a
        // look at all.
        int boundary = boundaryExponent(wanted, LIKELY);
        if (boundary < 0) {
            boundary = boundaryExponent(wanted, 0);
        }
        double before = 0;
        for (int exponent = 0; exponent < boundary; exponent++) {
            before += massByExponent[exponent];
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

    /**
     * The power of two in which the wanted mass is reached, looking at weights above {@code floor}
     * only; -1 if these have less mass. A floor of 0 always finds one.
     */
    private int boundaryExponent(double wanted, double floor) {
        Arrays.fill(massByExponent, 0);
        for (int i = 0; i < vocabSize; i++) {
            if (weights[i] > floor) {
                massByExponent[-Math.getExponent(weights[i])] += weights[i];
            }
        }
        double mass = 0;
        for (int exponent = 0; exponent < EXPONENTS; exponent++) {
            mass += massByExponent[exponent];
            if (mass >= wanted) {
                return exponent;
            }
        }
        return floor > 0 ? -1 : EXPONENTS - 1;
    }

    /** Drops what lies below the boundary's power of two, and sorts what lies in it, best first. */
    private int collect(float[] scores, int boundary) {
        boolean subnormal = boundary == EXPONENTS - 1;
        double least = subnormal ? Double.MIN_VALUE : Math.scalb(1.0, -boundary);
        double limit = subnormal ? Double.MIN_NORMAL : 2 * least;
        int count = 0;
        for (int i = 0; i < vocabSize; i++) {
            if (weights[i] < least) {
                weights[i] = 0;
            } else if (weights[i] < limit) {
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
        float max = VocabLoops.max(logits, vocabSize);
        VocabLoops.weigh(logits, vocabSize, max, 1, Double.NEGATIVE_INFINITY, weights);
        double logTotal = max + Math.log(VocabLoops.sum(weights, 0, vocabSize));
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
}
