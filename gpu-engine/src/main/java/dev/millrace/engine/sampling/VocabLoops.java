package dev.millrace.engine.sampling;

import dev.millrace.engine.simd.DoubleExp;
import dev.millrace.engine.simd.LaneSums;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The passes over a whole vocabulary, as vector loops with a scalar tail: at 150,000 tokens a row
 * they are what sampling costs.
 */
final class VocabLoops {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;

    /** As many floats as there are doubles in a vector. */
    private static final VectorSpecies<Float> FLOATS_OF_DOUBLES =
            VectorSpecies.of(float.class, VectorShape.forBitSize(DOUBLES.vectorBitSize() / 2));

    private VocabLoops() {}

    /** The largest value; NaN if any is. */
    static float max(float[] values, int n) {
        FloatVector best = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        int bound = FLOATS.loopBound(n);
        for (int i = 0; i < bound; i += FLOATS.length()) {
            best = FloatVector.fromArray(FLOATS, values, i).max(best);
        }
        float max = best.reduceLanes(VectorOperators.MAX);
        for (int i = bound; i < n; i++) {
            max = Math.max(max, values[i]);
        }
        return max;
    }

    /** Index of the first value that equals {@code wanted}, which must be among them. */
    static int indexOf(float[] values, int n, float wanted) {
        int i = 0;
        for (int bound = FLOATS.loopBound(n); i < bound; i += FLOATS.length()) {
            if (FloatVector.fromArray(FLOATS, values, i).eq(wanted).anyTrue()) {
                break;
            }
        }
        while (values[i] != wanted) {
            i++;
        }
        return i;
    }

    /**
     * weights[i] = exp((scores[i] - max) * inverseTemperature), or 0 where scores[i] is below
     * {@code lowest}.
     */
    static void weigh(
            float[] scores,
            int n,
            double max,
            double inverseTemperature,
            double lowest,
            double[] weights) {
        int bound = DOUBLES.loopBound(n);
        for (int i = 0; i < bound; i += DOUBLES.length()) {
            DoubleVector score =
                    (DoubleVector)
                            FloatVector.fromArray(FLOATS_OF_DOUBLES, scores, i)
                                    .convertShape(VectorOperators.F2D, DOUBLES, 0);
            DoubleVector weight = DoubleExp.exp(score.sub(max).mul(inverseTemperature));
            weight.blend(0, score.lt(lowest)).intoArray(weights, i);
        }
        for (int i = bound; i < n; i++) {
            weights[i] = scores[i] < lowest ? 0 : DoubleExp.exp((scores[i] - max) * inverseTemperature);
        }
    }

    static double sum(double[] values, int from, int to) {
        DoubleVector sums = DoubleVector.zero(DOUBLES);
        int bound = from + DOUBLES.loopBound(to - from);
        for (int i = from; i < bound; i += DOUBLES.length()) {
            sums = DoubleVector.fromArray(DOUBLES, values, i).add(sums);
        }
        double sum = LaneSums.sum(sums);
        for (int i = bound; i < to; i++) {
            sum += values[i];
        }
        return sum;
    }
}
