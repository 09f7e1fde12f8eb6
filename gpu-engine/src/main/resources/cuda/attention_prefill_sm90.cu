// Attention of many query tokens on Hopper: what attention_prefill.cu does, by wgmma. Shapes: 128 rows (query
// tokens x G heads that share a KV head) per item and KV head; D 64 or 128. Layout of shared memory:
// attention_sm90.cuh. How: one warp group brings keys and values, 128 tokens at a time, an FP8 cache widened to
// F16 on the way; two warp groups of 64 rows multiply. The next tokens' scores are multiplied before these
// weights meet their values, so that the tensor cores work while weights are made (FlashAttention-3, arXiv
// 2407.08608). Launch: grid (items, NK), block 384; shared as README.md says.
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

template <typename K>
__device__ __forceinline__ void prefill(const AttentionArgs& a, const AttentionWork& w) {
#ifdef MR_HOPPER
    MR_SHARED_TILES(shared);
    Stage<K> stage(shared);
    Range range(a, w);
    int group = (int)threadIdx.x / GROUP;
    int groups = (w.tokenEnd - w.tokenBegin) * (a.NQ / a.NK) - w.firstRow > 64 ? 2 : 1;
    if (threadIdx.x < RING) {
        barrierInit(stage.full + threadIdx.x, 4);
        barrierInit(stage.empty + threadIdx.x, 4 * groups);
    }
    stageQuery<K>(a, w, stage.q);
    __syncthreads();
    if (group == 2) {
        registersDown<56>();
        produce<K>(a, w, stage, range.begin, range.tiles);
    } else if (group < groups) {
        registersUp<224>();
        Consumer<K> consumer(a, w, stage, range);
        if (range.tiles > 0) {
            consumer.run();
        }
        storeRows<K>(a, w, consumer.low, consumer.high, consumer.running, consumer.out);
    }
#else
    __trap(); // LaunchPlan sends it to Hopper alone
#endif
}

MR_ATTENTION(attention_prefill_sm90_fp8_d64, prefill, 384, 1, 64, true, true)
MR_ATTENTION(attention_prefill_sm90_fp8_d128, prefill, 384, 1, 128, true, true)
MR_ATTENTION(attention_prefill_sm90_bf16_d64, prefill, 384, 1, 64, false, true)
MR_ATTENTION(attention_prefill_sm90_bf16_d128, prefill, 384, 1, 128, false, true)
