// Rows to E4M3 and back: activations before a linear, weights when a checkpoint is loaded.
// Shapes: in, out [rows, C]; one scale per row, or per row and 128 columns, or per block of a checkpoint.
// Layout: row-major, value = element * scale. Two passes; the second finds the row in the cache.
// Launch: one block of 256 per row; shared 128 bytes where a row has one scale.
#include "common.cuh"

__device__ __forceinline__ Eight load8F16(const f16_t* from) {
    uint4 words = *reinterpret_cast<const uint4*>(from);
    const unsigned w[4] = {words.x, words.y, words.z, words.w};
    Eight eight;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        eight.v[2 * i] = floatOfF16((f16_t)w[i]);
        eight.v[2 * i + 1] = floatOfF16((f16_t)(w[i] >> 16));
    }
    return eight;
}

/** Quantises a row whose columns c .. c + 7 are `load(c)`. */
template <typename Load>
__device__ __forceinline__ void quantizeRow(Load load, e4m3_t* out, float* outScale, int C, float inputRule) {
    MR_SHARED(shared);
    float amax = 0.0f;
    for (int c = 8 * threadIdx.x; c < C; c += 8 * blockDim.x) {
        amax = fmaxf(amax, largest8(load(c)));
    }
    float scale = scaleOf(blockMax(amax, reinterpret_cast<float*>(shared)), inputRule);
    for (int c = 8 * threadIdx.x; c < C; c += 8 * blockDim.x) {
        store8Scaled(out + (i64)blockIdx.x * C + c, load(c), scale);
    }
    if (threadIdx.x == 0) {
        outScale[blockIdx.x] = scale;
    }
}

extern "C" __global__ void __launch_bounds__(256)
    quantize_fp8(const bf16_t* in, e4m3_t* out, float* outScale, int C, float inputRule) {
    const bf16_t* row = in + (i64)blockIdx.x * C;
    quantizeRow([&](int c) { return load8(row + c); }, out, outScale, C, inputRule);
}
MR_KERNEL(quantize_fp8)

extern "C" __global__ void __launch_bounds__(256)
    quantize_fp8_block(const bf16_t* in, e4m3_t* out, float* outScale, int scaleStride, int C) {
    for (int first = 0; first < C; first += 8 * blockDim.x) {
        int c = first + 8 * threadIdx.x;
        Eight x = c < C ? load8(in + (i64)blockIdx.x * C + c) : Eight{};
        float scale = scaleOf(warpMax(largest8(x), 16), 0.0f);
        if (c < C) {
            store8Scaled(out + (i64)blockIdx.x * C + c, x, scale);
        }
        if (c < C && c % 128 == 0) {
            outScale[(i64)(c / 128) * scaleStride + blockIdx.x] = scale;
        }
    }
}
MR_KERNEL(quantize_fp8_block)

extern "C" __global__ void __launch_bounds__(256)
    quantize_weight_bf16(const bf16_t* in, e4m3_t* out, float* outScale, int K) {
    const bf16_t* row = in + (i64)blockIdx.x * K;
    quantizeRow([&](int c) { return load8(row + c); }, out, outScale, K, 0.0f);
}
MR_KERNEL(quantize_weight_bf16)

extern "C" __global__ void __launch_bounds__(256)
    quantize_weight_f16(const f16_t* in, e4m3_t* out, float* outScale, int K) {
    const f16_t* row = in + (i64)blockIdx.x * K;
    quantizeRow([&](int c) { return load8F16(row + c); }, out, outScale, K, 0.0f);
}
MR_KERNEL(quantize_weight_f16)

extern "C" __global__ void __launch_bounds__(256)
    quantize_weight_f32(const float* in, e4m3_t* out, float* outScale, int K) {
    const float* row = in + (i64)blockIdx.x * K;
    quantizeRow([&](int c) { return load8(row + c); }, out, outScale, K, 0.0f);
}
MR_KERNEL(quantize_weight_f32)

/** Columns c .. c + 7 of this block's row of a checkpoint's FP8 weight; scales [ceil(N/scaleRows),
 * ceil(K/scaleCols)]. */
__device__ __forceinline__ Eight load8Checkpoint(const e4m3_t* in, const float* scales, int scaleRows,
                                                 int scaleCols, int K, int c) {
    uint2 words = *reinterpret_cast<const uint2*>(in + (i64)blockIdx.x * K + c);
    const float* rowScales = scales + (i64)(blockIdx.x / scaleRows) * ((K + scaleCols - 1) / scaleCols);
    Eight eight;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        unsigned word = i < 4 ? words.x : words.y;
        eight.v[i] = floatOfE4m3((e4m3_t)(word >> 8 * (i % 4))) * rowScales[(c + i) / scaleCols];
    }
    return eight;
}

extern "C" __global__ void __launch_bounds__(256)
    requantize_weight_fp8(const e4m3_t* in, const float* scales, int scaleRows, int scaleCols, e4m3_t* out,
                          float* outScale, int K) {
    quantizeRow([&](int c) { return load8Checkpoint(in, scales, scaleRows, scaleCols, K, c); }, out, outScale,
                K, 0.0f);
}
MR_KERNEL(requantize_weight_fp8)

extern "C" __global__ void __launch_bounds__(256)
    dequantize_weight_fp8(const e4m3_t* in, const float* scales, int scaleRows, int scaleCols, bf16_t* out,
                          int K) {
    for (int c = 8 * threadIdx.x; c < K; c += 8 * blockDim.x) {
        store8(out + (i64)blockIdx.x * K + c, load8Checkpoint(in, scales, scaleRows, scaleCols, K, c));
    }
}
MR_KERNEL(dequantize_weight_fp8)

extern "C" __global__ void __launch_bounds__(256) convert_f16_bf16(const f16_t* in, bf16_t* out, int K) {
    for (int c = 8 * threadIdx.x; c < K; c += 8 * blockDim.x) {
        store8(out + (i64)blockIdx.x * K + c, load8F16(in + (i64)blockIdx.x * K + c));
    }
}
MR_KERNEL(convert_f16_bf16)

extern "C" __global__ void __launch_bounds__(256) convert_f32_bf16(const float* in, bf16_t* out, int K) {
    for (int c = 8 * threadIdx.x; c < K; c += 8 * blockDim.x) {
        store8(out + (i64)blockIdx.x * K + c, load8(in + (i64)blockIdx.x * K + c));
    }
}
MR_KERNEL(convert_f32_bf16)
