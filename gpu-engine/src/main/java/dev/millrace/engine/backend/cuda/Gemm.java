package dev.millrace.engine.backend.cuda;

/**
 * One product out = in Wᵀ, scales applied.
 *
 * @param in activations [rows, inFeatures] in the weights' format
 * @param inScales FP8: f32 per row; FP8_BLOCK: [ceil(inFeatures / 128)][scaleStride]; BF16: 0
 * @param scaleStride FP8_BLOCK: rows of a column of inScales
 * @param out [rows, outFeatures], BF16 or F32
 * @param outIsF32 only of BF16 products
 */
record Gemm(
        CudaLinear weights,
        long in,
        long inScales,
        int scaleStride,
        long out,
        boolean outIsF32,
        int rows) {}
