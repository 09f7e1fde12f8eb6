// What a multiplying warp group of prefill attention on Hopper does with its 64 rows; attention_prefill_sm90.cu says
// how it all goes together.
#pragma once
#include "attention_sm90.cuh"

#ifdef MR_HOPPER
/** What the block's rows see together, as attention_prefill.cu has it. */
struct Range {
    int begin, tiles, allFrom, allTo;
    __device__ __forceinline__ Range(const AttentionArgs& a, const AttentionWork& w) {
        int rows = (w.tokenEnd - w.tokenBegin) * (a.NQ / a.NK);
        QueryRow first = queryRow(w, a, w.firstRow), last = queryRow(w, a, min(rows, w.firstRow + 128) - 1);
        begin = max(w.kvBegin, first.begin);
        tiles = last.end > begin ? (last.end - begin + TOKENS - 1) / TOKENS : 0;
        allFrom = last.begin;
        allTo = first.end;
    }
};

/** One group's 64 rows. */
template <typename K>
struct Consumer {
    const Stage<K>& stage;
    const Range& range;
    QueryRow low, high;
    float toLog2;
    u64 q;
    Running running;
    float4 s[16];
    float4 out[K::TILES] = {};
    uint4 p[8];
    float keep[2];

    __device__ __forceinline__ Consumer(const AttentionArgs& a, const AttentionWork& w, const Stage<K>& st,
                                        const Range& r)
        : stage(st), range(r), toLog2(a.scale * LOG2_E * (K::FP8 ? a.kScale[blockIdx.y] : 1.0f)) {
        int group = (int)threadIdx.x / GROUP, warp = (int)threadIdx.x % GROUP / 32;
        int row = w.firstRow + 64 * group + 16 * warp + (int)threadIdx.x % 32 / 4;
        low = queryRow(w, a, row);
        high = queryRow(w, a, row + 8);
        q = tileDescriptor(st.q + group * Stage<K>::Q_BYTES, 0, 1024);
    }

    /** Begins s = q kᵀ. */
    __device__ __forceinline__ void multiplyKeys(int tile) {
        barrierWait(stage.full + 2 * tile % RING, phaseOf(2 * tile));
        u64 keys = tileDescriptor(stage.tile(2 * tile), 0, 1024);
        wgmmaFence();
#pragma unroll
        for (int k = 0; k < K::STEPS; k++) {
            wgmmaRows<K::FP8>(s, movedBy(q, k / 4 * 64 * 128 + k % 4 * 32),
                              movedBy(keys, k / 4 * Stage<K>::HALF + k % 4 * 32), k > 0);
        }
        wgmmaCommit();
    }

    /** Begins out += p v. */
    __device__ __forceinline__ void multiplyValues(int tile) {
        int unit = 2 * tile + 1;
        barrierWait(stage.full + unit % RING, phaseOf(unit));
        u64 values = tileDescriptor(stage.tile(unit), Stage<K>::HALF, 1024);
        wgmmaFence();
#pragma unroll
        for (int n = 0; n < TOKENS / 16; n++) {
            wgmmaColumns<K::FP8, K::D>(out, p[n], movedBy(values, n * 16 * 128));
        }
        wgmmaCommit();
    }

    __device__ __forceinline__ void release(int unit) {
        __syncwarp();
        if (threadIdx.x % 32 == 0) {
            barrierArrive(stage.empty + unit % RING);
        }
    }

    /** Scores to weights; true if `out` must be rescaled by keep. */
    __device__ __forceinline__ bool weigh(int tile) {
        int token = range.begin + tile * TOKENS;
        if (token < range.allFrom || token + TOKENS > range.allTo) {
            maskScores<16>(s, token, low, high);
        }
        return softmaxWeights<16>(s, toLog2, running, keep);
    }

    __device__ __forceinline__ void pack() {
#pragma unroll
        for (int n = 0; n < 8; n++) {
            p[n] = weightsOf<K>(s[2 * n], s[2 * n + 1]);
        }
    }

    __device__ __forceinline__ void run() {
        multiplyKeys(0);
        wgmmaWait<0>();
        release(0);
        weigh(0);
        pack();
        for (int tile = 1; tile < range.tiles; tile++) {
            multiplyKeys(tile);
            multiplyValues(tile - 1);
            wgmmaWait<1>();
            release(2 * tile);
            bool changed = weigh(tile);
            wgmmaWait<0>();
            release(2 * tile - 1);
            if (changed) {
                rescale<K>(out, keep);
            }
            pack();
        }
        multiplyValues(range.tiles - 1);
        wgmmaWait<0>();
    }
};
#endif
