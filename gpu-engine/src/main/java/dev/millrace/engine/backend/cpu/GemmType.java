package dev.millrace.engine.backend.cpu;

/** Element type of a GEMM's two inputs; output is F32. INT8 sums in 32 bits, which is exact. */
enum GemmType {
    F32(4),
    BF16(2),
    INT8(1);

    private final int bytes;

    GemmType(int bytes) {
        this.bytes = bytes;
    }

    int bytes() {
        return bytes;
    }
}
