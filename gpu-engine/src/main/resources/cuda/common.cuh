// Number formats, loads and reductions that all kernels share. Inline PTX stands here and in mma.cuh only,
// each piece beside the plain C++ that the host emulation (MR_EMULATE) and, where an instruction is newer
// than the target, old devices run.
#pragma once

#ifdef MR_EMULATE
#include "cuda_emulation.h"
#define MR_SHARED(name) unsigned char* name = emuSharedMemory()
#define MR_SHARED_TILES(name) MR_SHARED(name)
#ifndef MR_ARCH
#define MR_ARCH 890
#endif
#else
#define MR_KERNEL(name)
#define MR_SHARED(name) extern __shared__ __align__(128) unsigned char name[]
#define MR_SHARED_TILES(name) extern __shared__ __align__(1024) unsigned char name[]
#ifdef __CUDA_ARCH__
#define MR_ARCH __CUDA_ARCH__
#else
#define MR_ARCH 0
#endif
#endif

typedef unsigned short bf16_t; // bit pattern
typedef unsigned short f16_t;
typedef unsigned char e4m3_t;
typedef long long i64;
typedef unsigned long long u64;

constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr float E4M3_MAX = 448.0f;
#define MR_INFINITY __uint_as_float(0x7f800000u)

// ---- conversions
// ----------------------------------------------------------------------------------------------------

__device__ __forceinline__ float floatOfBf16(unsigned bits) { return __uint_as_float(bits << 16); }

/** Two BF16, `low` in the low half; to nearest, ties to even. */
__device__ __forceinline__ unsigned bf16Pair(float low, float high) {
#ifdef MR_EMULATE
    auto one = [](float x) {
        unsigned u = __float_as_uint(x);
        return (x != x) ? 0x7fffu : (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    };
    return one(low) | one(high) << 16;
#else
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#endif
}

__device__ __forceinline__ bf16_t bf16Of(float value) { return (bf16_t)bf16Pair(value, 0.0f); }

__device__ __forceinline__ float floatOfF16(f16_t bits) {
#ifdef MR_EMULATE
    _Float16 half;
    __builtin_memcpy(&half, &bits, 2);
    return (float)half;
#else
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
#endif
}

__device__ __forceinline__ unsigned f16Pair(float low, float high) {
#ifdef MR_EMULATE
    _Float16 halves[2] = {(_Float16)low, (_Float16)high};
    unsigned pair;
    __builtin_memcpy(&pair, halves, 4);
    return pair;
#else
    unsigned pair;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
#endif
}

/** E4M3 to nearest, ties to even, beyond 448 becomes 448: what cvt.rn.satfinite does on sm_89 and later. */
__device__ __forceinline__ unsigned e4m3BySoftware(float value) {
    unsigned bits = __float_as_uint(value);
    unsigned sign = bits >> 24 & 0x80u;
    unsigned size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) {
        return sign | 0x7fu; // NaN
    }
    if (size >= 0x43e00000u) {
        return sign | 0x7eu; // 448 and above
    }
    if (size <
        0x3c800000u) { // below 2^-6, steps of 2^-9: adding 2^14 leaves just these steps in the mantissa
        return sign | (__float_as_uint(__uint_as_float(size) + 16384.0f) & 0xffu);
    }
    return sign | (((size + 0x7ffffu + (size >> 20 & 1u)) >> 20) - (120u << 3)); // exponent bias 127 to 7
}

__device__ __forceinline__ unsigned e4m3Pair(float low, float high) {
#if !defined(MR_EMULATE) && MR_ARCH >= 890
    unsigned short pair;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(high), "f"(low));
    return pair;
#else
    return e4m3BySoftware(low) | e4m3BySoftware(high) << 8;
#endif
}

/** Two E4M3 (the low 16 bits) to two F16, exactly. On sm_80 NaN becomes 480. */
__device__ __forceinline__ unsigned f16PairOfE4m3(unsigned pair) {
#if !defined(MR_EMULATE) && MR_ARCH >= 890
    unsigned halves;
    asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"((unsigned short)pair));
    return halves;
#else
    // The same bits one exponent field wider are the value / 256, subnormals too.
    unsigned spread = (pair & 0xffu) | (pair & 0xff00u) << 8;
    unsigned small = (spread & 0x00800080u) << 8 | (spread & 0x007f007fu) << 7;
#ifdef MR_EMULATE
    return f16Pair(floatOfF16((f16_t)small) * 256.0f, floatOfF16((f16_t)(small >> 16)) * 256.0f);
#else
    unsigned halves;
    asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(halves) : "r"(small), "r"(0x5c005c00u));
    return halves;
#endif
#endif
}

__device__ __forceinline__ float floatOfE4m3(e4m3_t bits) { return floatOfF16((f16_t)f16PairOfE4m3(bits)); }

__device__ __forceinline__ float exp2Fast(float x) {
#ifdef MR_EMULATE
    return exp2f(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// ---- eight BF16 at a time: 16 bytes, the widest access
// -----------------------------------------------------------------

struct Eight {
    float v[8];
};

__device__ __forceinline__ Eight unpack8(uint4 words) {
    const unsigned w[4] = {words.x, words.y, words.z, words.w};
    Eight eight;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        eight.v[2 * i] = floatOfBf16(w[i] & 0xffffu);
        eight.v[2 * i + 1] = __uint_as_float(w[i] & 0xffff0000u);
    }
    return eight;
}

__device__ __forceinline__ uint4 pack8(const Eight& eight) {
    return {bf16Pair(eight.v[0], eight.v[1]), bf16Pair(eight.v[2], eight.v[3]),
            bf16Pair(eight.v[4], eight.v[5]), bf16Pair(eight.v[6], eight.v[7])};
}

__device__ __forceinline__ Eight load8(const bf16_t* from) {
    return unpack8(*reinterpret_cast<const uint4*>(from));
}
__device__ __forceinline__ void store8(bf16_t* to, const Eight& eight) {
    *reinterpret_cast<uint4*>(to) = pack8(eight);
}

__device__ __forceinline__ Eight load8(const float* from) {
    float4 a = reinterpret_cast<const float4*>(from)[0];
    float4 b = reinterpret_cast<const float4*>(from)[1];
    return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}

/** Eight values divided by `scale`, as E4M3. */
__device__ __forceinline__ void store8Scaled(e4m3_t* to, const Eight& eight, float scale) {
    unsigned words[2];
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const float* v = eight.v + 4 * i;
        words[i] = e4m3Pair(v[0] / scale, v[1] / scale) | e4m3Pair(v[2] / scale, v[3] / scale) << 16;
    }
    *reinterpret_cast<uint2*>(to) = {words[0], words[1]};
}

__device__ __forceinline__ float largest8(const Eight& eight) {
    float most = 0.0f;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        most = fmaxf(most, fabsf(eight.v[i]));
    }
    return most;
}

/** A row's scale. By rule: 0, what maps `amax` to the largest E4M3; above 0, the same of at most this amax; below 0,
 * minus the scale that all rows have. A row that is all but zero keeps 1. */
__device__ __forceinline__ float scaleOf(float amax, float inputRule) {
    if (inputRule < 0.0f) {
        return -inputRule;
    }
    float most = inputRule > 0.0f ? fminf(amax, inputRule) : amax;
    return most > 1e-30f ? most / E4M3_MAX : 1.0f;
}

// ---- reductions
// ---------------------------------------------------------------------------------------------------------

/** Over groups of `width` lanes. */
__device__ __forceinline__ float warpMax(float value, int width = 32) {
    for (int offset = width / 2; offset > 0; offset /= 2) {
        value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, offset));
    }
    return value;
}

template <typename T>
__device__ __forceinline__ T warpSum(T value) {
    for (int offset = 16; offset > 0; offset /= 2) {
        value += __shfl_xor_sync(ALL_LANES, value, offset);
    }
    return value;
}

/** Over the block, for every thread; always in the same order. `scratch` [warps], free again at the next
 * barrier. */
template <typename T>
__device__ __forceinline__ T blockSum(T value, T* scratch) {
    value = warpSum(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    T sum = 0;
    for (int w = 0; w < (int)blockDim.x / 32; w++) {
        sum += scratch[w];
    }
    return sum;
}

__device__ __forceinline__ float blockMax(float value, float* scratch) {
    value = warpMax(value);
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    float most = scratch[0];
    for (int w = 1; w < (int)blockDim.x / 32; w++) {
        most = fmaxf(most, scratch[w]);
    }
    return most;
}
