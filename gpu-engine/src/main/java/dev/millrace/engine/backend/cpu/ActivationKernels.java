package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.F;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** silu(gate) * up = gate * up / (1 + e^-gate) on rows of F32 given by address. */
final class ActivationKernels {
    private ActivationKernels() {}

    /** {@link #siluMul} over rows of buffers. Used again for the next op. */
    static final class Rows implements RowParallel.RowOp {
        private CpuBuffer gateUp;
        private CpuBuffer out;
        private RowParallel.RowOp next;

        /**
         * @param next what is done to each row then
         */
        Rows of(CpuBuffer gateUp, CpuBuffer out, RowParallel.RowOp next) {
            this.gateUp = gateUp;
            this.out = out;
            this.next = next;
            return this;
        }

        @Override
        public void run(int row) {
            siluMul(gateUp.row(row), out.row(row), out.cols());
            next.run(row);
        }
    }

    /**
     * @param gateUp 2 * cols floats: gate, then up
     */
    static void siluMul(long gateUp, long out, int cols) {
        int i = 0;
        for (; i + LANES <= cols; i += LANES) {
            long gate = gateUp + 4L * i;
            Native.store(silu(Native.load(gate)).mul(Native.load(gate + 4L * cols)), out + 4L * i);
        }
        if (i < cols) {
            VectorMask<Float> rest = F.indexInRange(i, cols);
            FloatVector gate =
                    FloatVector.fromMemorySegment(
                            F, Native.ALL, gateUp + 4L * i, Native.ORDER, rest);
            FloatVector up =
                    FloatVector.fromMemorySegment(
                            F, Native.ALL, gateUp + 4L * (cols + i), Native.ORDER, rest);
            silu(gate).mul(up).intoMemorySegment(Native.ALL, out + 4L * i, Native.ORDER, rest);
        }
    }

    private static FloatVector silu(FloatVector x) {
        return x.div(FastExp.exp(x.neg()).add(1f));
    }
}
