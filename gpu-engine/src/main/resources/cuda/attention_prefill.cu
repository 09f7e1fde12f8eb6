// Attention of many query tokens over the paged cache: chunked prefill (causal, sliding window), and the pass
// over a shared prefix, where the queries of all its sequences are rows of one matrix. Shapes: 64 rows (query
// tokens x G heads that share a KV head) per item and KV head; D 64 or 128. Layout: kv
// [numBlocks][2][NK][blockSize][D]; 64 tokens' keys and values per stage, two stages. How: each of four warps
// has 16 rows and goes over all keys (FlashAttention-2, arXiv 2307.08691); the next 64 tokens are on
//   their way while these are multiplied. Tokens that no row of the block may see are not read.
// Launch: grid (items, NK), block 128; shared 2 x 2 x 64 x PITCH. Compute-bound from some 100 query tokens
// on.
#include "attention.cuh"

constexpr int KV_TILE = 64;

template <typename K>
__device__ __forceinline__ void prefill(const AttentionArgs& a, const AttentionWork& w) {
    constexpr int PART = KV_TILE * K::PITCH;
    MR_SHARED(shared);
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
    int row = w.firstRow + 16 * warp + lane / 4;
    QueryRow low = queryRow(w, a, row), high = queryRow(w, a, row + 8);
    uint4 q[K::STEPS];
    loadQuery<K>(a, low, high, q);
    float toLog2 = a.scale * LOG2_E * (K::FP8 ? a.kScale[blockIdx.y] : 1.0f);

    // What the block's rows see together: the first row sees the least far back, the last one the furthest
    // ahead.
    int rows = (w.tokenEnd - w.tokenBegin) * (a.NQ / a.NK);
    int begin =
        max(w.kvBegin, queryRow(w, a, w.firstRow).begin / KV_TILE * KV_TILE); // side by side in the cache
    int end = queryRow(w, a, min(rows, w.firstRow + 64) - 1).end;
    int tiles = end > begin ? (end - begin + KV_TILE - 1) / KV_TILE : 0;
    // From where on, and up to where, every row sees every key.
    int allFrom = queryRow(w, a, min(rows, w.firstRow + 64) - 1).begin,
        allTo = queryRow(w, a, w.firstRow).end;

    auto fetch = [&](int tile) {
        if (tile < tiles) {
            unsigned char* to = shared + tile % 2 * 2 * PART;
            copyTokens<K, KV_TILE, 128>(a, w, begin + tile * KV_TILE, to, (int)threadIdx.x);
        }
        asyncCommit();
    };
    fetch(0);
    Running running;
    float4 out[K::TILES] = {};
    for (int tile = 0; tile < tiles; tile++) {
        asyncWait<0>();
        __syncthreads(); // all copies of this tile have landed, and all warps are done with the other stage
        fetch(tile + 1);
        const unsigned char* keys = shared + tile % 2 * 2 * PART;
        int token = begin + tile * KV_TILE;
        float4 s[8];
#pragma unroll
        for (int n = 0; n < 8; n++) {
            s[n] = scoreTile<K>(q, keys + 8 * n * K::PITCH);
        }
        if (token < allFrom || token + KV_TILE > allTo) {
            maskScores<8>(s, token, low, high);
        }
        softmaxStep<K, 8>(s, toLog2, running, out);
#pragma unroll
        for (int n = 0; n < 4; n++) {
            addValues<K>(out, weightsOf<K>(s[2 * n], s[2 * n + 1]), keys + PART + 16 * n * K::PITCH);
        }
    }
    asyncWait<0>();
    storeRows<K>(a, w, low, high, running, out);
}

MR_ATTENTION(attention_prefill_fp8_d64, prefill, 128, 3, 64, true)
MR_ATTENTION(attention_prefill_fp8_d128, prefill, 128, 2, 128, true)
MR_ATTENTION(attention_prefill_bf16_d64, prefill, 128, 2, 64, false)
MR_ATTENTION(attention_prefill_bf16_d128, prefill, 128, 2, 128, false)
