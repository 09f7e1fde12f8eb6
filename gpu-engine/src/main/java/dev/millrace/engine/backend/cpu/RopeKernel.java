package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.F;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.model.ForwardInput;

import jdk.incubator.vector.FloatVector;

/**
 * Norms and rotates the heads of QKV rows in place, and stores their keys and values. Used again
 * for the next op.
 */
final class RopeKernel implements RowParallel.RowOp {
    private AttentionSpec spec;
    private float[] qNorm;
    private float[] kNorm;
    private float epsilon;
    private RopeTable rope;
    private CpuBuffer qkv;
    private ForwardInput input;
    private CpuKvStore kv;
    private int layer;

    /**
     * Sets what is done to heads.
     *
     * @param qNorm and {@code kNorm}: [headDim] or null
     */
    void with(AttentionSpec spec, float[] qNorm, float[] kNorm, float epsilon, RopeTable rope) {
        this.spec = spec;
        this.qNorm = qNorm;
        this.kNorm = kNorm;
        this.epsilon = epsilon;
        this.rope = rope;
    }

    /** Sets the rows, one per token of the step, and where their keys and values go. */
    RopeKernel of(CpuBuffer qkv, ForwardInput input, CpuKvStore kv, int layer) {
        this.qkv = qkv;
        this.input = input;
        this.kv = kv;
        this.layer = layer;
        return this;
    }

    @Override
    public void run(int token) {
        run(qkv.row(token), input.positions[token], input.slotMapping[token]);
    }

    private void run(long row, int position, int slot) {
        long headBytes = 4L * spec.headDim();
        int rotated = spec.numQueryHeads() + spec.numKvHeads();
        for (int head = 0; head < rotated; head++) {
            long address = row + head * headBytes;
            float[] norm = head < spec.numQueryHeads() ? qNorm : kNorm;
            if (norm != null) {
                NormKernels.addRmsNorm(address, 0, norm, epsilon, address);
            }
            rotate(address, position);
        }
        long keys = row + spec.numQueryHeads() * headBytes;
        long values = row + rotated * headBytes;
        for (int head = 0; head < spec.numKvHeads(); head++) {
            kv.put(
                    kv.tile(layer, head, slot),
                    slot,
                    keys + head * headBytes,
                    values + head * headBytes);
        }
    }

    private void rotate(long head, int position) {
        int half = spec.headDim() / 2;
        long upper = head + 4L * half;
        int table = position * half;
        int i = 0;
        for (; i + LANES <= half; i += LANES) {
            FloatVector a = Native.load(head + 4L * i);
            FloatVector b = Native.load(upper + 4L * i);
            FloatVector cos = FloatVector.fromArray(F, rope.cos(), table + i);
            FloatVector sin = FloatVector.fromArray(F, rope.sin(), table + i);
            Native.store(a.mul(cos).sub(b.mul(sin)), head + 4L * i);
            Native.store(b.mul(cos).add(a.mul(sin)), upper + 4L * i);
        }
        for (; i < half; i++) {
            float a = Native.getFloat(head + 4L * i);
            float b = Native.getFloat(upper + 4L * i);
            float cos = rope.cos()[table + i];
            float sin = rope.sin()[table + i];
            Native.setFloat(head + 4L * i, a * cos - b * sin);
            Native.setFloat(upper + 4L * i, b * cos + a * sin);
        }
    }
}
