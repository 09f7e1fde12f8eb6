package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.QkNormRope;
import dev.millrace.engine.backend.RopeTable;
import dev.millrace.engine.backend.Vector;

import java.util.IdentityHashMap;
import java.util.Map;

/** Bias, norms per head, rotation, and the store of keys and values: one kernel. */
final class RopeOps {
    private final Kernels kernels;
    private final Map<RopeTable, Angles> tables = new IdentityHashMap<>();

    /** Addresses of a table's cosines and sines. */
    private record Angles(long cos, long sin) {}

    RopeOps(Kernels kernels) {
        this.kernels = kernels;
    }

    void run(
            CudaBuffer qkv,
            AttentionSpec spec,
            QkNormRope qk,
            CudaKvStore.Layer kv,
            CudaStep step) {
        Angles angles = tables.computeIfAbsent(qk.rope(), this::upload);
        kernels.args()
                .pointer(qkv.address())
                .pointer(qkv.pendingBias)
                .pointer(address(qk.qNorm()))
                .pointer(address(qk.kNorm()))
                .f32(qk.epsilon())
                .pointer(angles.cos())
                .pointer(angles.sin())
                .pointer(step.input().positions)
                .pointer(step.input().slots)
                .pointer(kv.address())
                .pointer(kv.keyScales())
                .pointer(kv.valueScales())
                .i32(spec.numQueryHeads())
                .i32(spec.numKvHeads())
                .i32(spec.headDim())
                .i32(kv.blockSize());
        qkv.pendingBias = 0;
        kernels.launch("qkv_rope_store_" + kv.suffix(), LaunchPlan.rows(step.rows()));
    }

    private Angles upload(RopeTable table) {
        return new Angles(kernels.upload(table.cos()), kernels.upload(table.sin()));
    }

    private static long address(Vector vector) {
        return vector == null ? 0 : ((CudaVector) vector).address();
    }
}
