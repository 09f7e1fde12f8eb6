package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.F;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import dev.millrace.engine.simd.LaneSums;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

import java.util.Arrays;

/**
 * Softmax over keys that come in chunks, with a running maximum and sum per row (arXiv 1805.02867).
 * Scores are in units of log 2, so that the exponential is 2^x. What rows have summed before is
 * rescaled in a pass of its own: in one body with the rest the compiler gives up inlining and
 * allocates its vectors.
 */
final class Softmax {
    private final float[] maxima;
    private final float[] sums;

    /** By what the last chunk's maximum lowers a row's earlier weights */
    private final float[] shrinks;

    Softmax(int rows) {
        maxima = new float[rows];
        sums = new float[rows];
        shrinks = new float[rows];
    }

    /** The first {@code rows} rows have seen no key. */
    void begin(int rows) {
        Arrays.fill(maxima, 0, rows, Float.NEGATIVE_INFINITY);
        Arrays.fill(sums, 0, rows, 0f);
    }

    /** A row goes on from an earlier state. */
    void resume(int row, float max, float sum) {
        maxima[row] = max;
        sums[row] = sum;
    }

    float max(int row) {
        return maxima[row];
    }

    float sum(int row) {
        return sums[row];
    }

    /**
     * Turns a row's scores into weights relative to its running maximum.
     *
     * @param scores [padded] F32, a multiple of a tile
     * @param from first key that the row sees
     * @param to end of the keys that it sees; others weigh nothing
     */
    void weigh(int row, long scores, int from, int to, int padded) {
        hide(scores, 0, from);
        hide(scores, to, padded);
        float before = maxima[row];
        float max = Math.max(before, highest(scores, padded));
        // Nothing visible yet: any finite maximum gives weights of 0.
        float base = max == Float.NEGATIVE_INFINITY ? 0f : max;
        float added = exponentials(scores, base, padded);
        float shrink = max > before ? FastExp.exp2(before - max) : 1f;
        sums[row] = sums[row] * shrink + added;
        maxima[row] = max;
        // A row that has seen nothing has summed nothing: there is nothing to rescale.
        shrinks[row] = before == Float.NEGATIVE_INFINITY ? 1f : shrink;
    }

    private static void hide(long scores, int from, int to) {
        for (int i = from; i < to; i++) {
            Native.setFloat(scores + 4L * i, Float.NEGATIVE_INFINITY);
        }
    }

    private static float highest(long scores, int count) {
        FloatVector highest = Native.load(scores);
        for (int i = LANES; i < count; i += LANES) {
            highest = Native.larger(Native.load(scores + 4L * i), highest);
        }
        return highest.reduceLanes(VectorOperators.MAX);
    }

    /** scores = 2^(scores - base); returns their sum. */
    private static float exponentials(long scores, float base, int count) {
        FloatVector sum = FloatVector.zero(F);
        for (int i = 0; i < count; i += LANES) {
            FloatVector weight = FastExp.exp2(Native.load(scores + 4L * i).sub(base));
            Native.store(weight, scores + 4L * i);
            sum = weight.add(sum);
        }
        return LaneSums.sum(sum);
    }

    /**
     * Rescales what the rows have summed before the last chunk.
     *
     * @param out [rows][dim] F32
     */
    void rescale(long out, int rows, int dim) {
        for (int row = 0; row < rows; row++) {
            if (shrinks[row] != 1f) {
                scale(out + 4L * dim * row, shrinks[row], dim);
            }
        }
    }

    private static void scale(long row, float factor, int count) {
        for (int i = 0; i < count; i += LANES) {
            Native.store(Native.load(row + 4L * i).mul(factor), row + 4L * i);
        }
    }
}
