package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/** One packed linear on workers of its own. */
final class OneLinear implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final WorkerPool pool;
    private final LinearRunner runner;
    private final PackedLinear linear;

    /**
     * @param bias [outFeatures] or null
     */
    OneLinear(
            OneDnn dnn, GemmType type, WeightTensor weights, float[] bias, boolean invariant) {
        pool = new WorkerPool(dnn.workers(), OpenMp::useOneThread);
        runner = new LinearRunner(dnn, pool, new RowParallel(pool), invariant);
        linear = new PackedLinear(dnn, type, arena, List.of(weights), bias);
    }

    /** A tensor without scales; {@code data} is row-major. */
    static WeightTensor tensor(DType dtype, int rows, MemorySegment data) {
        int cols = (int) (data.byteSize() / dtype.bytes() / rows);
        return new WeightTensor("w", dtype, rows, cols, data, null, 0, 0);
    }

    static float[] ones(int count) {
        float[] ones = new float[count];
        Arrays.fill(ones, 1f);
        return ones;
    }

    PackedLinear linear() {
        return linear;
    }

    /**
     * @param source [rows, inFeatures]
     * @return [rows, outFeatures]
     */
    float[] multiplied(float[] source) {
        int rows = source.length / linear.inFeatures();
        int padded = RowBuckets.padded(rows);
        MemorySegment src = arena.allocate(4L * padded * linear.inFeatures(), 64);
        src.copyFrom(MemorySegment.ofArray(source));
        MemorySegment dst = arena.allocate(4L * padded * linear.outFeatures(), 64);
        runner.run(linear, src.address(), dst.address(), rows);
        return dst.asSlice(0, 4L * rows * linear.outFeatures()).toArray(ValueLayout.JAVA_FLOAT);
    }

    @Override
    public void close() {
        pool.close();
        runner.close();
        arena.close();
    }
}
