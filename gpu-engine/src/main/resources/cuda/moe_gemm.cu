// Products with each expert's own weights, in one launch: rows sorted by expert, tiles of 64 rows that never
// straddle two. Shapes: a [rows, K], out [n, N]; w [E, N, K]; tiles [maxTiles][2] = expert (-1: unused) and
// first row; expertOffsets [E + 1]. Layout and tiles: gemm.cuh. Row p of out comes from row assignmentAt[p] /
// A of a, or row p. Launch: grid (ceil(N / 128), maxTiles), block 128, shared 46080.
#include "gemm.cuh"

struct ExpertTile {
    int expert, firstRow, rowEnd;
};

__device__ __forceinline__ ExpertTile expertTile(const int* tiles, const int* expertOffsets) {
    int expert = tiles[2 * blockIdx.y];
    return {expert, tiles[2 * blockIdx.y + 1], expert < 0 ? 0 : expertOffsets[expert + 1]};
}

__device__ __forceinline__ GemmTile groupedTile(const void* a, const int* assignmentAt, int A, const void* w,
                                                i64 expertBytes, const ExpertTile& t, int N, int K) {
    return {static_cast<const unsigned char*>(a),
            assignmentAt,
            A,
            static_cast<const unsigned char*>(w) + t.expert * expertBytes,
            t.firstRow,
            t.rowEnd,
            (int)blockIdx.x * TILE_N,
            N,
            K,
            nullptr,
            0,
            nullptr};
}

extern "C" __global__ void __launch_bounds__(128)
    moe_gemm_bf16(const bf16_t* a, const int* assignmentAt, int A, const bf16_t* w, const int* expertOffsets,
                  const int* tiles, bf16_t* out, int N, int K) {
    ExpertTile t = expertTile(tiles, expertOffsets);
    if (t.expert < 0) {
        return;
    }
    GemmTile tile = groupedTile(a, assignmentAt, A, w, 2ll * N * K, t, N, K);
    gemmTile<GEMM_BF16>(tile, [&](int row, int col, float x) { out[(i64)row * N + col] = bf16Of(x); });
}
MR_KERNEL(moe_gemm_bf16)

extern "C" __global__ void __launch_bounds__(128)
    moe_gemm_fp8(const e4m3_t* a, const float* aScale, const int* assignmentAt, int A, const e4m3_t* w,
                 const float* wScale, const int* expertOffsets, const int* tiles, bf16_t* out, int N, int K) {
    ExpertTile t = expertTile(tiles, expertOffsets);
    if (t.expert < 0) {
        return;
    }
    GemmTile tile = groupedTile(a, assignmentAt, A, w, (i64)N * K, t, N, K);
    tile.aScale = aScale;
    tile.wScale = wScale + (i64)t.expert * N;
    gemmTile<GEMM_FP8>(tile, [&](int row, int col, float x) { out[(i64)row * N + col] = bf16Of(x); });
}
MR_KERNEL(moe_gemm_fp8)

extern "C" __global__ void __launch_bounds__(128)
    moe_gemm_fp8_block(const e4m3_t* a, const float* aScale, int aScaleStride, const int* assignmentAt, int A,
                       const e4m3_t* w, const float* wScale, const int* expertOffsets, const int* tiles,
                       bf16_t* out, int N, int K) {
    ExpertTile t = expertTile(tiles, expertOffsets);
    if (t.expert < 0) {
        return;
    }
    GemmTile tile = groupedTile(a, assignmentAt, A, w, (i64)N * K, t, N, K);
    tile.aScale = aScale;
    tile.aScaleStride = aScaleStride;
    tile.wScale = wScale + (i64)t.expert * ((N + 127) / 128) * ((K + 127) / 128);
    gemmTile<GEMM_FP8_BLOCK>(tile, [&](int row, int col, float x) { out[(i64)row * N + col] = bf16Of(x); });
}
MR_KERNEL(moe_gemm_fp8_block)
