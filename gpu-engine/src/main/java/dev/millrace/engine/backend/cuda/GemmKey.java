package dev.millrace.engine.backend.cuda;

/**
 * What an algorithm is chosen for.
 *
 * @param rows rounded up to a multiple of four, as FP8 products want it
 */
record GemmKey(
        CudaLinear.Format format, int inFeatures, int outFeatures, boolean outIsF32, int rows) {
    private static final int ROW_MULTIPLE = 4;

    static GemmKey of(Gemm gemm) {
        int rows = Math.ceilDiv(gemm.rows(), ROW_MULTIPLE) * ROW_MULTIPLE;
        return new GemmKey(
                gemm.weights().format(),
                gemm.weights().inFeatures(),
                gemm.weights().outFeatures(),
                gemm.outIsF32(),
                rows);
    }

    /** One choice serves all row numbers of a bucket: powers of two, and their halfway points. */
    String bucket() {
        int power = Integer.highestOneBit(rows);
        int bucket = rows >= power + power / 2 ? power + power / 2 : power;
        return format
                + " "
                + inFeatures
                + " "
                + outFeatures
                + (outIsF32 ? " f32 " : " bf16 ")
                + bucket;
    }
}
