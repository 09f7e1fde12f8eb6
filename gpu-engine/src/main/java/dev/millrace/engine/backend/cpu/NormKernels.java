package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.F;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import dev.millrace.engine.simd.LaneSums;

import jdk.incubator.vector.FloatVector;

/** RMSNorm, arXiv 1910.07467, on rows of F32 given by address. */
final class NormKernels {
    private NormKernels() {}

    /** {@link #addRmsNorm} over rows of buffers. Used again for the next op. */
    static final class Rows implements RowParallel.RowOp {
        private CpuBuffer residual;
        private CpuBuffer delta;
        private CpuBuffer out;
        private float[] weight;
        private float epsilon;
        private RowParallel.RowOp next;

        /**
         * @param delta null adds nothing
         * @param next what is done to each row then
         */
        Rows of(
                CpuBuffer residual,
                CpuBuffer delta,
                CpuBuffer out,
                float[] weight,
                float epsilon,
                RowParallel.RowOp next) {
            this.residual = residual;
            this.delta = delta;
            this.out = out;
            this.weight = weight;
            this.epsilon = epsilon;
            this.next = next;
            return this;
        }

        @Override
        public void run(int row) {
            long change = delta == null ? 0 : delta.row(row);
            addRmsNorm(residual.row(row), change, weight, epsilon, out.row(row));
            next.run(row);
        }
    }

    /**
     * residual += delta; out = residual / rms(residual) * weight.
     *
     * @param delta 0 adds nothing
     */
    static void addRmsNorm(long residual, long delta, float[] weight, float epsilon, long out) {
        int cols = weight.length;
        if (delta != 0) {
            add(residual, delta, cols);
        }
        float scale = inverseRms(residual, cols, epsilon);
        int i = 0;
        for (; i + LANES <= cols; i += LANES) {
            FloatVector x = Native.load(residual + 4L * i);
            Native.store(x.mul(scale).mul(FloatVector.fromArray(F, weight, i)), out + 4L * i);
        }
        for (; i < cols; i++) {
            Native.setFloat(out + 4L * i, Native.getFloat(residual + 4L * i) * scale * weight[i]);
        }
    }

    private static void add(long sum, long delta, int cols) {
        int i = 0;
        for (; i + LANES <= cols; i += LANES) {
            Native.store(Native.load(sum + 4L * i).add(Native.load(delta + 4L * i)), sum + 4L * i);
        }
        for (; i < cols; i++) {
            Native.setFloat(
                    sum + 4L * i, Native.getFloat(sum + 4L * i) + Native.getFloat(delta + 4L * i));
        }
    }

    private static float inverseRms(long row, int cols, float epsilon) {
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = FloatVector.zero(F);
        int i = 0;
        for (; i + 2 * LANES <= cols; i += 2 * LANES) {
            FloatVector x = Native.load(row + 4L * i);
            FloatVector y = Native.load(row + 4L * (i + LANES));
            sum0 = x.fma(x, sum0);
            sum1 = y.fma(y, sum1);
        }
        double sum = LaneSums.sum(sum0.add(sum1));
        for (; i < cols; i++) {
            float x = Native.getFloat(row + 4L * i);
            sum += (double) x * x;
        }
        return (float) (1.0 / Math.sqrt(sum / cols + epsilon));
    }
}
