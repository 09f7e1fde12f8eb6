// What decode and prefill attention share: fragments of q, products of a warp's 16 rows with a run of keys
// and values that lie in shared memory, the running softmax, and where a row's result goes.
//
// BF16 cache: the usual fragments. FP8 cache: elements are loaded in pairs as if they were 16-bit, then
// widened to F16 in registers, which leaves them in another order than the multiplication names them. For
// keys, the order of the head's dimensions in the sum does not matter as long as q has the same; for values,
// accumulator columns stand for other dimensions (columnOf).
#pragma once
#include "mma.cuh"

constexpr float LOG2_E = 1.4426950408889634f;

/** One of the 8-int work items that README.md describes. */
struct AttentionWork {
    int tableRow, tokenBegin, tokenEnd, firstRow, kvBegin, kvEnd, visibleBase, partialBase;
};

__device__ __forceinline__ AttentionWork loadWork(const int* work) {
    const int4* at = reinterpret_cast<const int4*>(work) + 2 * (i64)blockIdx.x;
    int4 a = at[0], b = at[1];
    return {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
}

struct AttentionArgs {
    const bf16_t* q;
    int qStride;
    const unsigned char* kv;
    const float* kScale;
    const float* vScale;
    const int* blockTables;
    int maxBlocks, blockSize;
    bf16_t* out;
    float* partialOut;
    float* partialLse;
    int NQ, NK;
    float scale;
    int slidingWindow;
};

/** WIDENED: keys and values become 16-bit numbers on their way, in their own order. */
template <int DIM, bool IS_FP8, bool IS_WIDENED = false>
struct Kv {
    static constexpr int D = DIM;
    static constexpr bool FP8 = IS_FP8;
    static constexpr bool WIDENED = IS_WIDENED;
    static constexpr int BYTES = D * (FP8 ? 1 : 2); // of one key
    static constexpr int PITCH = BYTES + 16; // in shared memory: eight rows then lie in different banks
    static constexpr int CHUNKS = BYTES / 16;
    static constexpr int STEPS = D / 16; // multiplications along D
    static constexpr int TILES = D / 8;  // accumulators along D
};

/** Which dimension accumulator `tile`, element 0 or 1 of this lane stands for. */
template <typename K>
__device__ __forceinline__ int columnOf(int tile, int element) {
    int j = (int)(threadIdx.x % 4);
    bool paired = K::FP8 && !K::WIDENED;
    return paired ? 16 * (tile / 2) + 4 * j + 2 * element + tile % 2 : 8 * tile + 2 * j + element;
}

/** Row r of an item: its token, and its query head. */
struct QueryRow {
    bool exists;
    int token, head, begin, end; // positions begin .. end - 1 are visible
};

__device__ __forceinline__ QueryRow queryRow(const AttentionWork& w, const AttentionArgs& a, int row) {
    int G = a.NQ / a.NK;
    QueryRow r = {row < (w.tokenEnd - w.tokenBegin) * G, 0, 0, 0, 0};
    if (r.exists) {
        r.token = w.tokenBegin + row / G;
        r.head = (int)blockIdx.y * G + row % G;
        int visible = w.visibleBase + (r.token - w.tokenBegin);
        r.end = w.visibleBase < 0 ? w.kvEnd : min(w.kvEnd, visible);
        r.begin =
            w.visibleBase < 0 || a.slidingWindow == 0 ? w.kvBegin : max(w.kvBegin, visible - a.slidingWindow);
    }
    return r;
}

/** Fragments of 16 rows of q: this lane's rows are `low` and `high`. FP8 caches multiply in F16, others in
 * BF16. */
template <typename K>
__device__ __forceinline__ void loadQuery(const AttentionArgs& a, const QueryRow& low, const QueryRow& high,
                                          uint4* q) {
    int j = (int)(threadIdx.x % 4);
    const bf16_t* rows[2] = {a.q + (i64)low.token * a.qStride + low.head * K::D,
                             a.q + (i64)high.token * a.qStride + high.head * K::D};
    bool exists[2] = {low.exists, high.exists};
#pragma unroll
    for (int s = 0; s < K::STEPS; s++) {
        unsigned words[2][2] = {{0, 0}, {0, 0}}; // [row][half of the step]
        for (int r = 0; r < 2; r++) {
            if (exists[r] && K::FP8) {
                uint2 four = *reinterpret_cast<const uint2*>(rows[r] + 16 * s + 4 * j);
                unsigned pairs[2] = {four.x, four.y};
                for (int i = 0; i < 2; i++) {
                    float x = floatOfBf16(pairs[i] & 0xffffu), y = __uint_as_float(pairs[i] & 0xffff0000u);
                    words[r][i] =
                        f16Pair(fminf(fmaxf(x, -65504.0f), 65504.0f), fminf(fmaxf(y, -65504.0f), 65504.0f));
                }
            } else if (exists[r]) {
                words[r][0] = *reinterpret_cast<const unsigned*>(rows[r] + 16 * s + 2 * j);
                words[r][1] = *reinterpret_cast<const unsigned*>(rows[r] + 16 * s + 2 * j + 8);
            }
        }
        q[s] = {words[0][0], words[1][0], words[0][1], words[1][1]};
    }
}

/** Asks for the keys and values of COUNT tokens; tokens from kvEnd on become zeros. By THREADS threads. */
template <typename K, int COUNT, int THREADS>
__device__ __forceinline__ void copyTokens(const AttentionArgs& a, const AttentionWork& w, int firstToken,
                                           unsigned char* keys, int thread) {
    const int* table = a.blockTables + (i64)w.tableRow * a.maxBlocks;
    i64 headBytes = (i64)a.blockSize * K::BYTES;
    auto keyAt = [&](int token) {
        i64 block = (i64)table[token / a.blockSize] * 2;
        return a.kv + (block * a.NK + blockIdx.y) * headBytes + token % a.blockSize * K::BYTES;
    };
    // The usual case: all of these tokens lie side by side in one cache block, and one look at the table
    // finds them.
    bool together = a.blockSize % COUNT == 0 && firstToken % COUNT == 0;
    const unsigned char* first = together ? keyAt(firstToken) : nullptr;
#pragma unroll
    for (int i = 0; i < COUNT * K::CHUNKS / THREADS; i++) {
        int c = thread + i * THREADS, row = c / K::CHUNKS, at = c % K::CHUNKS * 16;
        bool valid = firstToken + row < w.kvEnd;
        const unsigned char* from = together ? first + 16 * c : valid ? keyAt(firstToken + row) + at : a.kv;
        asyncCopy16(keys + row * K::PITCH + at, from, valid);
        asyncCopy16(keys + (COUNT + row) * K::PITCH + at, valid ? from + a.NK * headBytes : from, valid);
    }
}

/** scores of 16 rows with 8 keys, which begin at `keys`. */
template <typename K>
__device__ __forceinline__ float4 scoreTile(const uint4* q, const unsigned char* keys) {
    int lane = (int)(threadIdx.x % 32);
    float4 c = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int i = 0; i < K::BYTES / 64; i++) {
        uint4 m = ldmatrix4(keys + lane % 8 * K::PITCH + 64 * i + 16 * (lane / 8));
        if (K::FP8) {
            mmaF16(c, q[4 * i % K::STEPS], {f16PairOfE4m3(m.x), f16PairOfE4m3(m.x >> 16)});
            mmaF16(c, q[(4 * i + 1) % K::STEPS], {f16PairOfE4m3(m.y), f16PairOfE4m3(m.y >> 16)});
            mmaF16(c, q[(4 * i + 2) % K::STEPS], {f16PairOfE4m3(m.z), f16PairOfE4m3(m.z >> 16)});
            mmaF16(c, q[(4 * i + 3) % K::STEPS], {f16PairOfE4m3(m.w), f16PairOfE4m3(m.w >> 16)});
        } else {
            mmaBf16(c, q[2 * i % K::STEPS], {m.x, m.y});
            mmaBf16(c, q[(2 * i + 1) % K::STEPS], {m.z, m.w});
        }
    }
    return c;
}

/** out += p v for 16 tokens, whose values begin at `values`. */
template <typename K>
__device__ __forceinline__ void addValues(float4* out, uint4 p, const unsigned char* values) {
    int lane = (int)(threadIdx.x % 32);
    const unsigned char* row = values + (lane % 8 + 8 * (lane / 8 % 2)) * K::PITCH + 16 * (lane / 16);
#pragma unroll
    for (int i = 0; i < K::BYTES / 32; i++) {
        uint4 m = ldmatrix4Transposed(row + 32 * i);
        if (K::FP8) {
            const unsigned pairs[4] = {m.x, m.y, m.z, m.w};
            unsigned even[4], odd[4];
            for (int k = 0; k < 4; k++) { // [t0 d0, t0 d1, t1 d0, t1 d1] to [t0 d0, t1 d0, t0 d1, t1 d1]
                unsigned turned = __byte_perm(pairs[k], 0, 0x3120);
                even[k] = f16PairOfE4m3(turned);
                odd[k] = f16PairOfE4m3(turned >> 16);
            }
            mmaF16(out[4 * i % K::TILES], p, {even[0], even[1]});
            mmaF16(out[(4 * i + 1) % K::TILES], p, {odd[0], odd[1]});
            mmaF16(out[(4 * i + 2) % K::TILES], p, {even[2], even[3]});
            mmaF16(out[(4 * i + 3) % K::TILES], p, {odd[2], odd[3]});
        } else {
            mmaBf16(out[2 * i % K::TILES], p, {m.x, m.y});
            mmaBf16(out[(2 * i + 1) % K::TILES], p, {m.z, m.w});
        }
    }
}

/** Softmax so far of a lane's two rows, in powers of two (FlashAttention, arXiv 2205.14135). */
struct Running {
    float most[2] = {-MR_INFINITY, -MR_INFINITY};
    float sum[2] = {0.0f, 0.0f}; // of this lane's columns only, until the end
};

/** Hides what a row may not see: the key of element i of score tile n is firstToken + 8 n + 2 (lane % 4) + i.
 */
template <int N>
__device__ __forceinline__ void maskScores(float4* s, int firstToken, const QueryRow& low,
                                           const QueryRow& high) {
#pragma unroll
    for (int n = 0; n < N; n++) {
        int token = firstToken + 8 * n + 2 * (int)(threadIdx.x % 4);
        s[n].x = token >= low.begin && token < low.end ? s[n].x : -MR_INFINITY;
        s[n].y = token + 1 >= low.begin && token + 1 < low.end ? s[n].y : -MR_INFINITY;
        s[n].z = token >= high.begin && token < high.end ? s[n].z : -MR_INFINITY;
        s[n].w = token + 1 >= high.begin && token + 1 < high.end ? s[n].w : -MR_INFINITY;
    }
}

/** Turns N tiles of scores into weights. `keep` [2] is what sums under the smaller maximum are worth now; false:
 * all 1, which is usual once the maximum is found. */
template <int N>
__device__ __forceinline__ bool softmaxWeights(float4* s, float toLog2, Running& run, float* keep) {
    float most[2] = {run.most[0], run.most[1]};
#pragma unroll
    for (int n = 0; n < N; n++) {
        s[n] = {s[n].x * toLog2, s[n].y * toLog2, s[n].z * toLog2, s[n].w * toLog2};
        most[0] = fmaxf(most[0], fmaxf(s[n].x, s[n].y));
        most[1] = fmaxf(most[1], fmaxf(s[n].z, s[n].w));
    }
    float base[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        most[r] = fmaxf(most[r], __shfl_xor_sync(ALL_LANES, most[r], 1));
        most[r] = fmaxf(most[r], __shfl_xor_sync(ALL_LANES, most[r], 2));
        base[r] = most[r] == -MR_INFINITY ? 0.0f : most[r]; // nothing visible yet
        keep[r] = exp2Fast(run.most[r] - base[r]);
        run.most[r] = most[r];
        run.sum[r] *= keep[r];
    }
#pragma unroll
    for (int n = 0; n < N; n++) {
        s[n] = {exp2Fast(s[n].x - base[0]), exp2Fast(s[n].y - base[0]), exp2Fast(s[n].z - base[1]),
                exp2Fast(s[n].w - base[1])};
        run.sum[0] += s[n].x + s[n].y;
        run.sum[1] += s[n].z + s[n].w;
    }
    return __any_sync(ALL_LANES, keep[0] != 1.0f || keep[1] != 1.0f);
}

template <typename K>
__device__ __forceinline__ void rescale(float4* out, const float* keep) {
#pragma unroll
    for (int t = 0; t < K::TILES; t++) {
        out[t] = {out[t].x * keep[0], out[t].y * keep[0], out[t].z * keep[1], out[t].w * keep[1]};
    }
}

/** Both at once. */
template <typename K, int N>
__device__ __forceinline__ void softmaxStep(float4* s, float toLog2, Running& run, float4* out) {
    float keep[2];
    if (softmaxWeights<N>(s, toLog2, run, keep)) {
        rescale<K>(out, keep);
    }
}

/** Two tiles of weights as the left operand of a product over their 16 tokens. */
template <typename K>
__device__ __forceinline__ uint4 weightsOf(const float4& a, const float4& b) {
    if (K::FP8) {
        return {f16Pair(a.x, a.y), f16Pair(a.z, a.w), f16Pair(b.x, b.y), f16Pair(b.z, b.w)};
    }
    return {bf16Pair(a.x, a.y), bf16Pair(a.z, a.w), bf16Pair(b.x, b.y), bf16Pair(b.z, b.w)};
}

/** Where a row's D results go: element d of `out`, or of the item's partial result. */
__device__ __forceinline__ void storeResult(const AttentionArgs& a, const AttentionWork& w, const QueryRow& r,
                                            int D, int d, float x) {
    if (w.partialBase < 0) {
        a.out[((i64)r.token * a.NQ + r.head) * D + d] = bf16Of(x);
    } else {
        a.partialOut[((i64)(w.partialBase + r.token - w.tokenBegin) * a.NQ + r.head) * D + d] = x;
    }
}

/** log2 of the sum of 2^score, for a partial result. */
__device__ __forceinline__ void storeLse(const AttentionArgs& a, const AttentionWork& w, const QueryRow& r,
                                         float most, float sum) {
    if (w.partialBase >= 0) {
        a.partialLse[(i64)(w.partialBase + r.token - w.tokenBegin) * a.NQ + r.head] =
            sum > 0.0f ? most + log2f(sum) : -MR_INFINITY;
    }
}

/** A lane's two rows of results, and what a merge needs of them. */
template <typename K>
__device__ __forceinline__ void storeRows(const AttentionArgs& a, const AttentionWork& w, const QueryRow& low,
                                          const QueryRow& high, Running run, const float4* out) {
    float factor[2];
#pragma unroll
    for (int r = 0; r < 2; r++) {
        run.sum[r] += __shfl_xor_sync(ALL_LANES, run.sum[r], 1);
        run.sum[r] += __shfl_xor_sync(ALL_LANES, run.sum[r], 2);
        factor[r] = run.sum[r] > 0.0f ? (K::FP8 ? a.vScale[blockIdx.y] : 1.0f) / run.sum[r] : 0.0f;
    }
#pragma unroll
    for (int t = 0; t < K::TILES; t++) {
        const float x[4] = {out[t].x, out[t].y, out[t].z, out[t].w};
        for (int i = 0; i < 4; i++) {
            const QueryRow& row = i < 2 ? low : high;
            if (row.exists) {
                storeResult(a, w, row, K::D, columnOf<K>(t, i % 2), x[i] * factor[i / 2]);
            }
        }
    }
    if (threadIdx.x % 4 == 0 && low.exists) {
        storeLse(a, w, low, run.most[0], run.sum[0]);
    }
    if (threadIdx.x % 4 == 0 && high.exists) {
        storeLse(a, w, high, run.most[1], run.sum[1]);
    }
}

#define MR_ATTENTION(name, body, THREADS, BLOCKS, ...)                                               \
    extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)                                    \
        name(const bf16_t* q, int qStride, const void* kv, const float* kScale, const float* vScale, \
             const int* blockTables, int maxBlocks, int blockSize, const int* work, bf16_t* out,     \
             float* partialOut, float* partialLse, int NQ, int NK, float scale, int slidingWindow) { \
        AttentionArgs args = {q,          qStride,    static_cast<const unsigned char*>(kv),         \
                              kScale,     vScale,     blockTables,                                   \
                              maxBlocks,  blockSize,  out,                                           \
                              partialOut, partialLse, NQ,                                            \
                              NK,         scale,      slidingWindow};                                \
        body<Kv<__VA_ARGS__>>(args, loadWork(work));                                                 \
    }                                                                                                \
    MR_KERNEL(name)
