package dev.millrace.engine.backend.cpu;

import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory.data_type;
import org.bytedeco.dnnl.memory.format_tag;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.reorder;

/**
 * GEMMs of one shape: the layout in which its weights are packed, and a prepared {@link Gemm} per
 * worker and row bucket, made when it is first needed. oneDNN keeps the machine code of equal GEMMs
 * once, whatever their number here.
 */
final class GemmPlan implements AutoCloseable {
    /** oneDNN chooses the weights' layout for this many rows; it serves other counts as well. */
    private static final int TYPICAL_ROWS = 64;

    private final OneDnn dnn;
    private final GemmShape shape;
    private final memory.desc packedWeights;
    private final Gemm[][] gemms;

    GemmPlan(OneDnn dnn, GemmShape shape, int workers) {
        this.dnn = dnn;
        this.shape = shape;
        this.gemms = new Gemm[workers][RowBuckets.count()];
        memory.desc any = matrix(shape.inFeatures(), shape.columns(), format_tag.any);
        try (matmul.primitive_desc chosen = describe(TYPICAL_ROWS, any)) {
            packedWeights = new memory.desc(chosen.weights_desc());
        }
    }

    GemmShape shape() {
        return shape;
    }

    long packedBytes() {
        return packedWeights.get_size();
    }

    /** Whether the weights lie as this tag of oneDNN says, columns filled up to whole blocks. */
    boolean isPackedAs(format_tag tag) {
        try (memory.desc tagged = matrix(shape.inFeatures(), shape.columns(), tag)) {
            return packedWeights.equals(tagged);
        }
    }

    /** Writes [columns, inFeatures] row-major weights of the plan's type into the packed layout. */
    void pack(long rowMajor, long packed) {
        memory.desc plain = matrix(shape.inFeatures(), shape.columns(), format_tag.ba);
        try (memory from = new memory(plain, dnn.engine(), new Address(rowMajor));
                memory to = new memory(packedWeights, dnn.engine(), new Address(packed));
                reorder pack = new reorder(from, to)) {
            pack.execute(dnn.stream(0), from, to);
            dnn.stream(0)._wait();
        }
    }

    /** The GEMM for a row bucket; a worker only ever asks for its own. */
    Gemm gemm(int worker, int bucket) {
        Gemm gemm = gemms[worker][bucket];
        if (gemm == null) {
            try (matmul.primitive_desc description =
                    describe(RowBuckets.size(bucket), packedWeights)) {
                gemm = new Gemm(dnn, description, dnn.stream(worker), shape);
            }
            gemms[worker][bucket] = gemm;
        }
        return gemm;
    }

    private matmul.primitive_desc describe(int rows, memory.desc weights) {
        memory.desc src =
                new memory.desc(
                        new long[] {rows, shape.inFeatures()},
                        shape.type().source(),
                        format_tag.ab);
        memory.desc dst =
                new memory.desc(
                        new long[] {rows, shape.columns()},
                        shape.type().output(),
                        new long[] {shape.rowStride(), 1});
        if (!shape.bias()) {
            return new matmul.primitive_desc(
                    dnn.engine(), src, weights, dst, new primitive_attr(), false);
        }
        memory.desc bias =
                new memory.desc(new long[] {1, shape.columns()}, data_type.f32, format_tag.ab);
        return new matmul.primitive_desc(
                dnn.engine(), src, weights, bias, dst, new primitive_attr(), false);
    }

    private memory.desc matrix(int rows, int cols, format_tag tag) {
        return new memory.desc(new long[] {rows, cols}, shape.type().weights(), tag);
    }

    @Override
    public void close() {
        for (Gemm[] ofWorker : gemms) {
            for (Gemm gemm : ofWorker) {
                if (gemm != null) {
                    gemm.close();
                }
            }
        }
        packedWeights.close();
    }
}
