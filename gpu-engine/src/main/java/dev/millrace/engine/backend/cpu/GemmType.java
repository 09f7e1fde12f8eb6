package dev.millrace.engine.backend.cpu;

/** Element type of a GEMM's two inputs; sums and output are F32. */
enum GemmType {
    F32(4),
    BF16(2);

    private final int bytes;

    GemmType(int bytes) {
        this.bytes = bytes;
    }

    int bytes() {
        return bytes;
    }
}
