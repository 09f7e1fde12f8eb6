// Attention of many query tokens on Hopper: what attention_prefill.cu does, by wgmma. Shapes: 128 rows (query
// tokens x G heads that share a KV head) per item and KV head; D 64 or 128. Layout of shared memory:
// attention_sm90.cuh. How: one warp group brings keys and values, 128 tokens at a time, an FP8 cache widened to
// F16 on the way; two warp groups of 64 rows multiply. The next tokens' scores are multiplied before these
// weights meet their values, so that the tensor cores work while weights are made (FlashAttention-3, arXiv
// 2407.08608). Launch: grid (items, NK), block 384; shared as README.md says.
#include "attention_sm90_rows.cuh"

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
