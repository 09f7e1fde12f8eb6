// Products of experts in E4M3 on Hopper: what moe_gemm.cu does, by wgmma, which alone multiplies E4M3 at its full rate
// there. Shapes and operands: moe_gemm.cu. How: a warp group makes 64 x 128; 128 of k, a swizzled row of 128 bytes, are
// one unit of a ring of four that is filled by cp.async, for rows come from anywhere. After each unit the sums leave the
// tensor core, whose accumulator keeps fewer bits than F32 (DeepSeek-V3, arXiv 2412.19437, 3.3.2), and meet the scales
// of its 128 columns. Launch: grid (ceil(N / 128), maxTiles), block 128, shared 98304.
#include "gemm.cuh"
#include "wgmma.cuh"

#ifdef MR_HOPPER
constexpr int UNIT_K = 128, UNITS = 4, UNIT_BYTES = (TILE_M + TILE_N) * UNIT_K;

/** A thread copies 16 bytes of every 16th row. */
struct Filler {
    const GemmTile& g;
    const unsigned char* a[TILE_M / 16]; // null: no such row
    const unsigned char* w;
    int chunk, row;

    __device__ __forceinline__ explicit Filler(const GemmTile& tile)
        : g(tile), chunk((int)threadIdx.x % 8), row((int)threadIdx.x / 8) {
#pragma unroll
        for (int i = 0; i < TILE_M / 16; i++) {
            int index = g.firstRow + row + 16 * i;
            a[i] = index < g.rowEnd ? g.a + (i64)rowOfA(g, index) * g.K + 16 * chunk : nullptr;
        }
        w = g.w + (i64)(g.firstCol + row) * g.K + 16 * chunk;
    }

    /** Zeros outside of the matrices. */
    __device__ __forceinline__ void fetch(int unit, unsigned char* to) const {
        int k = unit * UNIT_K;
        bool inside = k + 16 * chunk < g.K;
#pragma unroll
        for (int i = 0; i < TILE_M / 16; i++) {
            bool valid = inside && a[i] != nullptr;
            asyncCopy16(to + tileByte(row + 16 * i, chunk), valid ? a[i] + k : g.a, valid);
        }
#pragma unroll
        for (int i = 0; i < TILE_N / 16; i++) {
            bool valid = inside && g.firstCol + row + 16 * i < g.N;
            asyncCopy16(to + TILE_M * UNIT_K + tileByte(row + 16 * i, chunk),
                        valid ? w + (i64)16 * i * g.K + k : g.a, valid);
        }
    }
};

/** part = the products of one unit. */
__device__ __forceinline__ void multiplyUnit(const unsigned char* unit, float4* part) {
    u64 a = tileDescriptor(unit, 0, 1024), w = tileDescriptor(unit + TILE_M * UNIT_K, 0, 1024);
    wgmmaFence();
#pragma unroll
    for (int k = 0; k < UNIT_K / 32; k++) {
        wgmmaRowsE4m3(part, movedBy(a, 32 * k), movedBy(w, 32 * k), k > 0);
    }
    wgmmaCommit();
}

/** The two rows of the tile that a thread has sums of. */
struct TwoRows {
    int low, ofLow, ofHigh; // in out, and both in a
    __device__ __forceinline__ explicit TwoRows(const GemmTile& g)
        : low(g.firstRow + 16 * ((int)threadIdx.x / 32) + (int)threadIdx.x % 32 / 4),
          ofLow(rowOfA(g, low)),
          ofHigh(rowOfA(g, low + 8)) {}
};

template <int KIND>
__device__ __forceinline__ void sumUnits(const GemmTile& g, const TwoRows& rows, float4* sums) {
    MR_SHARED_TILES(shared);
    Filler filler(g);
    int units = (g.K + UNIT_K - 1) / UNIT_K;
    for (int unit = 0; unit < UNITS - 1; unit++) {
        if (unit < units) {
            filler.fetch(unit, shared + unit * UNIT_BYTES);
        }
        asyncCommit();
    }
    for (int unit = 0; unit < units; unit++) {
        float low = 1.0f, high = 1.0f;
        if (KIND == GEMM_FP8_BLOCK) {
            float wScale = g.wScale[(i64)(g.firstCol / 128) * units + unit];
            low = wScale * g.aScale[(i64)unit * g.aScaleStride + rows.ofLow];
            high = wScale * g.aScale[(i64)unit * g.aScaleStride + rows.ofHigh];
        }
        asyncWait<UNITS - 2>();
        fenceForWgmma();
        __syncthreads(); // this unit has landed for all, and all are done with the one that is filled next
        int next = unit + UNITS - 1;
        float4 part[16];
        multiplyUnit(shared + unit % UNITS * UNIT_BYTES, part);
        if (next < units) {
            filler.fetch(next, shared + next % UNITS * UNIT_BYTES);
        }
        asyncCommit();
        wgmmaWait<0>();
#pragma unroll
        for (int n = 0; n < 16; n++) {
            sums[n].x += low * part[n].x;
            sums[n].y += low * part[n].y;
            sums[n].z += high * part[n].z;
            sums[n].w += high * part[n].w;
        }
    }
    asyncWait<0>();
}

template <int KIND>
__device__ __forceinline__ void storeRow(const GemmTile& g, const float4* sums, bool high, int row, int of,
                                         bf16_t* out) {
    if (row >= g.rowEnd) {
        return;
    }
    float aScale = KIND == GEMM_FP8 ? g.aScale[of] : 1.0f;
    bf16_t* to = out + (i64)row * g.N;
#pragma unroll
    for (int n = 0; n < 16; n++) {
        int col = g.firstCol + 8 * n + 2 * ((int)threadIdx.x % 4);
        float x = high ? sums[n].z : sums[n].x, y = high ? sums[n].w : sums[n].y;
        if (KIND == GEMM_FP8) {
            x *= col < g.N ? aScale * g.wScale[col] : 0.0f;
            y *= col + 1 < g.N ? aScale * g.wScale[col + 1] : 0.0f;
        }
        if (col + 1 < g.N && g.N % 2 == 0) {
            *reinterpret_cast<unsigned*>(to + col) = bf16Pair(x, y);
        } else {
            if (col < g.N) {
                to[col] = bf16Of(x);
            }
            if (col + 1 < g.N) {
                to[col + 1] = bf16Of(y);
            }
        }
    }
}
#endif

template <int KIND>
__device__ __forceinline__ void product(const GemmTile& g, bf16_t* out) {
#ifdef MR_HOPPER
    TwoRows rows(g);
    float4 sums[16] = {};
    sumUnits<KIND>(g, rows, sums);
    storeRow<KIND>(g, sums, false, rows.low, rows.ofLow, out);
    storeRow<KIND>(g, sums, true, rows.low + 8, rows.ofHigh, out);
#else
    __trap(); // LaunchPlan sends it to Hopper alone
#endif
}

extern "C" __global__ void __launch_bounds__(128)
    moe_gemm_sm90_fp8(const e4m3_t* a, const float* aScale, const int* assignmentAt, int A, const e4m3_t* w,
                      const float* wScale, const int* expertOffsets, const int* tiles, bf16_t* out, int N,
                      int K) {
    int expert = tiles[2 * blockIdx.y];
    if (expert < 0) {
        return;
    }
    product<GEMM_FP8>({a, assignmentAt, A, w + (i64)expert * N * K, tiles[2 * blockIdx.y + 1],
                       expertOffsets[expert + 1], (int)blockIdx.x * TILE_N, N, K, aScale, 0,
                       wScale + (i64)expert * N},
                      out);
}
MR_KERNEL(moe_gemm_sm90_fp8)

extern "C" __global__ void __launch_bounds__(128)
    moe_gemm_sm90_fp8_block(const e4m3_t* a, const float* aScale, int aScaleStride, const int* assignmentAt,
                            int A, const e4m3_t* w, const float* wScale, const int* expertOffsets,
                            const int* tiles, bf16_t* out, int N, int K) {
    int expert = tiles[2 * blockIdx.y];
    if (expert < 0) {
        return;
    }
    i64 scales = (i64)expert * ((N + 127) / 128) * ((K + 127) / 128);
    product<GEMM_FP8_BLOCK>({a, assignmentAt, A, w + (i64)expert * N * K, tiles[2 * blockIdx.y + 1],
                             expertOffsets[expert + 1], (int)blockIdx.x * TILE_N, N, K, aScale, aScaleStride,
                             wScale + scales},
                            out);
}
MR_KERNEL(moe_gemm_sm90_fp8_block)
