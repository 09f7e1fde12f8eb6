// Attention of a few query tokens over a sequence's cache: decode, and what of it is split or follows a
// shared prefix. Shapes: up to 16 rows (query tokens x G heads that share a KV head) per item and KV head; D
// 64 or 128. Layout: kv [numBlocks][2][NK][blockSize][D]; the rows fill one tensor-core tile (GQA packing),
// so that each key is read once. How: the four warps take turns of 16 tokens (warp w the tokens 16 w + 64 i)
// and never wait for each other: each has its own
//   ring of asynchronous copies and its own running softmax. Their four results are merged at the end.
// Launch: grid (items, NK), block 128; shared 4 warps x STAGES x 2 x 16 x PITCH. Memory-bound: reads 2 D
// bytes per token (FP8). Source: Flash-Decoding's split along the cache; the FP8 fragment order is explained
// in attention.cuh.
#include "attention.cuh"

template <typename K>
struct DecodeRing {
    static constexpr int STAGES = K::FP8 ? 4 : 2;
    static constexpr int RUN = 16 * K::PITCH; // 16 tokens' keys, or their values
};

/** Merges the warps' results and writes them. Shared memory is free for it. */
template <typename K>
__device__ __forceinline__ void mergeWarps(const AttentionArgs& a, const AttentionWork& w, Running run,
                                           const float4* out) {
    MR_SHARED(shared);
    float* results = reinterpret_cast<float*>(shared); // [4 warps][16 rows][D]
    float* most = results + 64 * K::D;                 // [4][16]
    float* sums = most + 64;
    int warp = (int)threadIdx.x / 32, group = (int)threadIdx.x % 32 / 4;
    __syncthreads();
#pragma unroll
    for (int r = 0; r < 2; r++) {
        run.sum[r] += __shfl_xor_sync(ALL_LANES, run.sum[r], 1);
        run.sum[r] += __shfl_xor_sync(ALL_LANES, run.sum[r], 2);
        if (threadIdx.x % 4 == 0) {
            most[16 * warp + group + 8 * r] = run.most[r];
            sums[16 * warp + group + 8 * r] = run.sum[r];
        }
    }
#pragma unroll
    for (int t = 0; t < K::TILES; t++) {
        float* row = results + (16 * warp + group) * K::D;
        row[columnOf<K>(t, 0)] = out[t].x;
        row[columnOf<K>(t, 1)] = out[t].y;
        row[8 * K::D + columnOf<K>(t, 0)] = out[t].z;
        row[8 * K::D + columnOf<K>(t, 1)] = out[t].w;
    }
    __syncthreads();
    float vScale = K::FP8 ? a.vScale[blockIdx.y] : 1.0f;
    for (int i = threadIdx.x; i < 16 * K::D; i += blockDim.x) {
        int row = i / K::D, d = i % K::D;
        QueryRow r = queryRow(w, a, w.firstRow + row);
        if (!r.exists) {
            break; // the rows behind it do not exist either
        }
        float all = fmaxf(fmaxf(most[row], most[16 + row]), fmaxf(most[32 + row], most[48 + row]));
        float base = all == -MR_INFINITY ? 0.0f : all, sum = 0.0f, x = 0.0f;
        for (int v = 0; v < 4; v++) {
            float weight = exp2Fast(most[16 * v + row] - base);
            sum += weight * sums[16 * v + row];
            x += weight * results[(16 * v + row) * K::D + d];
        }
        storeResult(a, w, r, K::D, d, sum > 0.0f ? x / sum * vScale : 0.0f);
        if (d == 0) {
            storeLse(a, w, r, all, sum);
        }
    }
}

template <typename K>
__device__ __forceinline__ void decode(const AttentionArgs& a, const AttentionWork& w) {
    using Ring = DecodeRing<K>;
    MR_SHARED(shared);
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    unsigned char* ring = shared + warp * Ring::STAGES * 2 * Ring::RUN;
    QueryRow low = queryRow(w, a, w.firstRow + lane / 4), high = queryRow(w, a, w.firstRow + lane / 4 + 8);
    uint4 q[K::STEPS];
    loadQuery<K>(a, low, high, q);
    float toLog2 = a.scale * LOG2_E * (K::FP8 ? a.kScale[blockIdx.y] : 1.0f);
    int first = w.kvBegin + 16 * warp;
    int runs = first < w.kvEnd ? (w.kvEnd - first + 63) / 64 : 0;

    auto fetch = [&](int run) {
        if (run < runs) {
            unsigned char* to = ring + run % Ring::STAGES * 2 * Ring::RUN;
            copyTokens<K, 16, 32>(a, w, first + 64 * run, to, lane);
        }
        asyncCommit(); // an empty group keeps the count of groups in step
    };
    for (int run = 0; run < Ring::STAGES - 1; run++) {
        fetch(run);
    }
    Running running;
    float4 out[K::TILES] = {};
    for (int run = 0; run < runs; run++) {
        asyncWait<Ring::STAGES - 2>();
        __syncwarp(); // all lanes' copies of this run have landed, and all are done with the stage that is
                      // filled next
        fetch(run + Ring::STAGES - 1);
        const unsigned char* keys = ring + run % Ring::STAGES * 2 * Ring::RUN;
        float4 s[2] = {scoreTile<K>(q, keys), scoreTile<K>(q, keys + 8 * K::PITCH)};
        maskScores<2>(s, first + 64 * run, low, high);
        softmaxStep<K, 2>(s, toLog2, running, out);
        addValues<K>(out, weightsOf<K>(s[0], s[1]), keys + Ring::RUN);
    }
    asyncWait<0>();
    mergeWarps<K>(a, w, running, out);
}

MR_ATTENTION(attention_decode_fp8_d64, decode, 128, 4, 64, true)
MR_ATTENTION(attention_decode_fp8_d128, decode, 128, 3, 128, true)
MR_ATTENTION(attention_decode_bf16_d64, decode, 128, 4, 64, false)
MR_ATTENTION(attention_decode_bf16_d128, decode, 128, 3, 128, false)
