// A tiled product C[m, n] = sum over k of A[m, k] W[n, k] on the tensor cores, for E4M3 with scales and for
// BF16. Both read 64 bytes of k per row and stage: 64 E4M3 or 32 BF16. A block computes 64 x 128; each of its
// four warps 32 x 64. Three stages of asynchronous copies.
#pragma once
#include "mma.cuh"

constexpr int TILE_M = 64, TILE_N = 128, STAGE_BYTES = 64, PITCH = STAGE_BYTES + 16, STAGES = 3;
constexpr int STAGE_SIZE = (TILE_M + TILE_N) * PITCH;

enum GemmKind { GEMM_BF16, GEMM_FP8, GEMM_FP8_BLOCK };

/** Operands of one block's tile; pointers in bytes. */
struct GemmTile {
    const unsigned char* a;
    const int* aRows; // row i of A is row aRows[i] / divisor of `a`; null: row i
    int divisor;
    const unsigned char* w;
    int firstRow, rowEnd, firstCol, N, K; // this tile's rows and columns; K in elements
    const float* aScale;
    int aScaleStride;
    const float* wScale;
};

__device__ __forceinline__ int rowOfA(const GemmTile& g, int row) {
    return row < g.rowEnd ? g.aRows == nullptr ? row : g.aRows[row] / g.divisor : 0;
}

/** Asks for the 64 bytes of k that begin at `k`, of every row of the tile; zeros outside of the matrices. */
__device__ __forceinline__ void fetchStage(const GemmTile& g, int rowBytes, int k, unsigned char* to) {
#pragma unroll 2 // more addresses at once cost registers that the sums need
    for (int i = 0; i < (TILE_M + TILE_N) * 4 / 128; i++) {
        int chunk = (int)threadIdx.x + 128 * i, row = chunk / 4, at = k + chunk % 4 * 16;
        bool isA = row < TILE_M;
        int index = isA ? g.firstRow + row : g.firstCol + row - TILE_M;
        bool valid = at < rowBytes && index < (isA ? g.rowEnd : g.N);
        const unsigned char* from =
            isA ? g.a + (i64)rowOfA(g, index) * rowBytes : g.w + (i64)index * rowBytes;
        asyncCopy16(to + row * PITCH + chunk % 4 * 16, valid ? from + at : g.a, valid);
    }
}

/** Multiplies one stage; sums [2][8] tiles of 16 x 8. */
template <int KIND>
__device__ __forceinline__ void multiplyStage(const unsigned char* stage, float4 (*sums)[8]) {
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    const unsigned char* a = stage + (32 * (warp % 2) + lane % 16) * PITCH + lane / 16 * 16;
    const unsigned char* w =
        stage + (TILE_M + 64 * (warp / 2) + lane % 8 + lane / 16 * 8) * PITCH + lane / 8 % 2 * 16;
#pragma unroll 1 // both halves at once cost registers that the sums need
    for (int half = 0; half < 2; half++) {
        uint4 left[2] = {ldmatrix4(a + 32 * half), ldmatrix4(a + 16 * PITCH + 32 * half)};
#pragma unroll
        for (int n = 0; n < 4; n++) {
            uint4 right = ldmatrix4(w + 16 * n * PITCH + 32 * half);
#pragma unroll
            for (int m = 0; m < 2; m++) {
                if (KIND == GEMM_BF16) {
                    mmaBf16(sums[m][2 * n], left[m], {right.x, right.y});
                    mmaBf16(sums[m][2 * n + 1], left[m], {right.z, right.w});
                } else {
                    mmaE4m3(sums[m][2 * n], left[m], {right.x, right.y});
                    mmaE4m3(sums[m][2 * n + 1], left[m], {right.z, right.w});
                }
            }
        }
    }
}

/** sums += scale of A's rows and of this block's 128 columns x part; part = 0. One W scale does for a tile:
 * it is 128 wide. */
__device__ __forceinline__ void addScaled(const GemmTile& g, int group, float4 (*sums)[8],
                                          float4 (*part)[8]) {
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    float wScale = g.wScale[(i64)(g.firstCol / 128) * ((g.K + 127) / 128) + group];
#pragma unroll
    for (int m = 0; m < 2; m++) {
        int row = g.firstRow + 32 * (warp % 2) + 16 * m + lane / 4;
        float low = wScale * g.aScale[(i64)group * g.aScaleStride + rowOfA(g, row)];
        float high = wScale * g.aScale[(i64)group * g.aScaleStride + rowOfA(g, row + 8)];
#pragma unroll
        for (int n = 0; n < 8; n++) {
            float4 x = part[m][n];
            sums[m][n].x += low * x.x;
            sums[m][n].y += low * x.y;
            sums[m][n].z += high * x.z;
            sums[m][n].w += high * x.w;
            part[m][n] = {0.0f, 0.0f, 0.0f, 0.0f};
        }
    }
}

/** store(row, column, value) for every element of the tile that exists, after its scales. */
template <int KIND, typename Store>
__device__ __forceinline__ void storeTile(const GemmTile& g, const float4 (*sums)[8], Store store) {
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
#pragma unroll
    for (int m = 0; m < 2; m++) {
#pragma unroll
        for (int high = 0; high < 2; high++) {
            int row = g.firstRow + 32 * (warp % 2) + 16 * m + lane / 4 + 8 * high;
            if (row >= g.rowEnd) {
                continue;
            }
            float aScale = KIND == GEMM_FP8 ? g.aScale[rowOfA(g, row)] : 1.0f;
#pragma unroll
            for (int n = 0; n < 8; n++) {
                int col = g.firstCol + 64 * (warp / 2) + 8 * n + 2 * (lane % 4);
                float x[2] = {high ? sums[m][n].z : sums[m][n].x, high ? sums[m][n].w : sums[m][n].y};
                for (int i = 0; i < 2 && col + i < g.N; i++) {
                    store(row, col + i, KIND == GEMM_FP8 ? x[i] * aScale * g.wScale[col + i] : x[i]);
                }
            }
        }
    }
}

template <int KIND, typename Store>
__device__ __forceinline__ void gemmTile(const GemmTile& g, Store store) {
    MR_SHARED(shared);
    int rowBytes = g.K * (KIND == GEMM_BF16 ? 2 : 1);
    int steps = (rowBytes + STAGE_BYTES - 1) / STAGE_BYTES;
    float4 sums[2][8] = {}, part[2][8] = {};
    for (int step = 0; step < STAGES - 1; step++) {
        if (step < steps) {
            fetchStage(g, rowBytes, step * STAGE_BYTES, shared + step * STAGE_SIZE);
        }
        asyncCommit();
    }
    for (int step = 0; step < steps; step++) {
        asyncWait<STAGES - 2>();
        __syncthreads(); // this stage has landed for all, and all are done with the one that is filled next
        int next = step + STAGES - 1;
        if (next < steps) {
            fetchStage(g, rowBytes, next * STAGE_BYTES, shared + next % STAGES * STAGE_SIZE);
        }
        asyncCommit();
        multiplyStage<KIND>(shared + step % STAGES * STAGE_SIZE, KIND == GEMM_FP8_BLOCK ? part : sums);
        if (KIND == GEMM_FP8_BLOCK && (step % 2 == 1 || step == steps - 1)) { // 128 of k share a scale
            addScaled(g, step / 2, sums, part);
        }
    }
    asyncWait<0>();
    storeTile<KIND>(g, sums, store);
}
