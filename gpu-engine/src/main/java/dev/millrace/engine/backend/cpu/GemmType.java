package dev.millrace.engine.backend.cpu;

import org.bytedeco.dnnl.memory.data_type;

/**
 * Element types of a GEMM. INT8 multiplies unsigned by signed bytes ({@link Int8}) and sums in 32
 * bits, which is exact; the sums are its output, and become F32 in {@link PackedLinear}.
 */
enum GemmType {
    F32(4, data_type.f32, data_type.f32, data_type.f32),
    BF16(2, data_type.bf16, data_type.bf16, data_type.f32),
    INT8(1, data_type.u8, data_type.s8, data_type.s32);

    private final int bytes;
    private final data_type source;
    private final data_type weights;
    private final data_type output;

    GemmType(int bytes, data_type source, data_type weights, data_type output) {
        this.bytes = bytes;
        this.source = source;
        this.weights = weights;
        this.output = output;
    }

    /** Of an element of the source rows or the weights. */
    int bytes() {
        return bytes;
    }

    data_type source() {
        return source;
    }

    data_type weights() {
        return weights;
    }

    data_type output() {
        return output;
    }
}
