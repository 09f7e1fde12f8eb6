// Splits a QKV row into heads, adds the bias, norms q and k per head where the family does, rotates them
// (RoFormer, arXiv 2104.09864, half-split layout) and stores k and v in the cache. The rotated q stays in its
// place. Shapes: qkv [T, (NQ + 2 NK) D]; bias the same row; qNorm, kNorm [D]; cos, sin [positions, D / 2];
// slots [T]. Layout: kv [numBlocks][2][NK][blockSize][D]. A warp works on one head; a lane holds elements p
// and p + D / 2 for PER p's. Launch: one block of 256 per token. Memory-bound: reads the row, writes q and
// the two cache rows.
#include "common.cuh"

template <int PER>
__device__ __forceinline__ void loadPart(const bf16_t* from, const float* bias, float* to) {
    if (PER == 2) {
        unsigned pair = *reinterpret_cast<const unsigned*>(from);
        to[0] = floatOfBf16(pair & 0xffffu);
        to[PER - 1] = __uint_as_float(pair & 0xffff0000u);
    } else {
        to[0] = floatOfBf16(*from);
    }
    for (int i = 0; bias != nullptr && i < PER; i++) {
        to[i] += bias[i];
    }
}

template <int PER>
__device__ __forceinline__ void storePart(bf16_t* to, const float* x, float) {
    if (PER == 2) {
        *reinterpret_cast<unsigned*>(to) = bf16Pair(x[0], x[PER - 1]);
    } else {
        *to = bf16Of(x[0]);
    }
}

template <int PER>
__device__ __forceinline__ void storePart(e4m3_t* to, const float* x, float scale) {
    unsigned pair = e4m3Pair(x[0] / scale, x[PER - 1] / scale);
    if (PER == 2) {
        *reinterpret_cast<unsigned short*>(to) = (unsigned short)pair;
    } else {
        *to = (e4m3_t)pair;
    }
}

struct RopeArgs {
    bf16_t* row;        // this token's
    const float* bias;  // or null
    const float* qNorm; // or null
    const float* kNorm;
    float epsilon;
    const float* cos; // this position's [D / 2]
    const float* sin;
    const float* kScale;
    const float* vScale;
    int slot, NQ, NK, blockSize;
};

/** One head of D = 64 PER elements, by one warp. */
template <typename Kv, int PER>
__device__ __forceinline__ void ropeHead(const RopeArgs& a, Kv* kv, int head) {
    constexpr int D = 64 * PER, HALF = D / 2;
    int p = (int)(threadIdx.x % 32) * PER;
    bf16_t* at = a.row + head * D + p;
    const float* bias = a.bias == nullptr ? nullptr : a.bias + head * D + p;
    float x[PER], y[PER];
    loadPart<PER>(at, bias, x);
    loadPart<PER>(at + HALF, bias == nullptr ? nullptr : bias + HALF, y);
    bool isValue = head >= a.NQ + a.NK;
    const float* norm = isValue ? nullptr : head < a.NQ ? a.qNorm : a.kNorm;
    if (norm != nullptr) {
        float squares = 0.0f;
        for (int i = 0; i < PER; i++) {
            squares += x[i] * x[i] + y[i] * y[i];
        }
        float inverseRms = rsqrtf(warpSum(squares) / (float)D + a.epsilon);
        for (int i = 0; i < PER; i++) {
            x[i] *= inverseRms * norm[p + i];
            y[i] *= inverseRms * norm[HALF + p + i];
        }
    }
    for (int i = 0; i < PER && !isValue; i++) {
        float cos = a.cos[p + i], sin = a.sin[p + i], before = x[i];
        x[i] = before * cos - y[i] * sin;
        y[i] = y[i] * cos + before * sin;
    }
    if (head < a.NQ) {
        storePart<PER>(at, x, 1.0f);
        storePart<PER>(at + HALF, y, 1.0f);
    } else if (a.slot >= 0) {
        int kvHead = head - a.NQ - (isValue ? a.NK : 0);
        i64 row = (((i64)(a.slot / a.blockSize) * 2 + (isValue ? 1 : 0)) * a.NK + kvHead) * a.blockSize +
                  a.slot % a.blockSize;
        float scale = sizeof(Kv) == 2 ? 1.0f : isValue ? a.vScale[kvHead] : a.kScale[kvHead];
        storePart<PER>(kv + row * D + p, x, scale);
        storePart<PER>(kv + row * D + p + HALF, y, scale);
    }
}

template <typename Kv>
__device__ __forceinline__ void ropeToken(RopeArgs a, void* kv, int D) {
    for (int head = threadIdx.x / 32; head < a.NQ + 2 * a.NK; head += blockDim.x / 32) {
        if (D == 128) {
            ropeHead<Kv, 2>(a, static_cast<Kv*>(kv), head);
        } else {
            ropeHead<Kv, 1>(a, static_cast<Kv*>(kv), head);
        }
    }
}

#define MR_ROPE(name, Kv)                                                                           \
    extern "C" __global__ void __launch_bounds__(256)                                               \
        name(bf16_t* qkv, const float* bias, const float* qNorm, const float* kNorm, float epsilon, \
             const float* cos, const float* sin, const int* positions, const int* slots, void* kv,  \
             const float* kScale, const float* vScale, int NQ, int NK, int D, int blockSize) {      \
        i64 angle = (i64)positions[blockIdx.x] * (D / 2);                                           \
        RopeArgs args = {qkv + (i64)blockIdx.x * (NQ + 2 * NK) * D,                                 \
                         bias,                                                                      \
                         qNorm,                                                                     \
                         kNorm,                                                                     \
                         epsilon,                                                                   \
                         cos + angle,                                                               \
                         sin + angle,                                                               \
                         kScale,                                                                    \
                         vScale,                                                                    \
                         slots[blockIdx.x],                                                         \
                         NQ,                                                                        \
                         NK,                                                                        \
                         blockSize};                                                                \
        ropeToken<Kv>(args, kv, D);                                                                 \
    }                                                                                               \
    MR_KERNEL(name)

MR_ROPE(qkv_rope_store_fp8, e4m3_t)
MR_ROPE(qkv_rope_store_bf16, bf16_t)
