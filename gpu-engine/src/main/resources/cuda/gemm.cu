// Dense products where cuBLASLt has no mode: FP8 before sm_89, block-scaled FP8 outside of sm_90.
// Shapes: a [M, K], w [N, K], out [M, N]; aScale [M] and wScale [N], or per 128 of k and per [128, 128]
// block. Layout and tiles: gemm.cuh. Launch: grid (ceil(N / 128), ceil(M / 64)), block 128, shared 46080.
#include "gemm.cuh"

__device__ __forceinline__ GemmTile denseTile(const void* a, const void* w, int M, int N, int K) {
    return {static_cast<const unsigned char*>(a),
            nullptr,
            1,
            static_cast<const unsigned char*>(w),
            (int)blockIdx.y * TILE_M,
            M,
            (int)blockIdx.x * TILE_N,
            N,
            K,
            nullptr,
            0,
            nullptr};
}

extern "C" __global__ void __launch_bounds__(128)
    gemm_bf16(const bf16_t* a, const bf16_t* w, const float* bias, bf16_t* out, int M, int N, int K) {
    gemmTile<GEMM_BF16>(denseTile(a, w, M, N, K), [&](int row, int col, float x) {
        out[(i64)row * N + col] = bf16Of(bias == nullptr ? x : x + bias[col]);
    });
}
MR_KERNEL(gemm_bf16)

extern "C" __global__ void __launch_bounds__(128)
    gemm_bf16_f32(const bf16_t* a, const bf16_t* w, const float* bias, float* out, int M, int N, int K) {
    gemmTile<GEMM_BF16>(denseTile(a, w, M, N, K), [&](int row, int col, float x) {
        out[(i64)row * N + col] = bias == nullptr ? x : x + bias[col];
    });
}
MR_KERNEL(gemm_bf16_f32)

extern "C" __global__ void __launch_bounds__(128)
    gemm_fp8(const e4m3_t* a, const float* aScale, const e4m3_t* w, const float* wScale, const float* bias,
             bf16_t* out, int M, int N, int K) {
    GemmTile tile = denseTile(a, w, M, N, K);
    tile.aScale = aScale;
    tile.wScale = wScale;
    gemmTile<GEMM_FP8>(tile, [&](int row, int col, float x) {
        out[(i64)row * N + col] = bf16Of(bias == nullptr ? x : x + bias[col]);
    });
}
MR_KERNEL(gemm_fp8)

extern "C" __global__ void __launch_bounds__(128)
    gemm_fp8_block(const e4m3_t* a, const float* aScale, int aScaleStride, const e4m3_t* w,
                   const float* wScale, const float* bias, bf16_t* out, int M, int N, int K) {
    GemmTile tile = denseTile(a, w, M, N, K);
    tile.aScale = aScale;
    tile.aScaleStride = aScaleStride;
    tile.wScale = wScale;
    gemmTile<GEMM_FP8_BLOCK>(tile, [&](int row, int col, float x) {
        out[(i64)row * N + col] = bf16Of(bias == nullptr ? x : x + bias[col]);
    });
}
MR_KERNEL(gemm_fp8_block)
