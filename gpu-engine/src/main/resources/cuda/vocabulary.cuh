// Passes of one thread block over a row of logits. All sums are taken in a fixed order, so that a row's
// result does not depend on timing. The order of ids is the order of inversion, and among equal logits the
// lower id is the better one.
#pragma once
#include "common.cuh"

constexpr int RUN = 1024; // tokens whose mass is summed at once when a token is drawn

/** A float as an unsigned number of the same order. */
__device__ __forceinline__ unsigned keyOf(float value) {
    unsigned bits = __float_as_uint(value);
    return bits ^ ((bits >> 31) ? 0xffffffffu : 0x80000000u);
}

__device__ __forceinline__ float valueOf(unsigned key) {
    return __uint_as_float(key ^ ((key >> 31) ? 0x80000000u : 0xffffffffu));
}

struct Best {
    float value;
    int index;
};

__device__ __forceinline__ Best better(Best a, Best b) {
    return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
}

/** The best logit behind `after` in the order best first, and its id, for every thread; NaN counts as
 * infinite. scratch [warps]. */
__device__ __forceinline__ Best bestAfter(const float* logits, int V, Best after, Best* scratch) {
    Best best = {-MR_INFINITY, V};
    for (int i = (int)threadIdx.x; i < V; i += (int)blockDim.x) {
        float x = logits[i] != logits[i] ? MR_INFINITY : logits[i];
        if (x < after.value || (x == after.value && i > after.index)) {
            best = better(best, {x, i});
        }
    }
    for (int offset = 16; offset > 0; offset /= 2) {
        best = better(best, {__shfl_xor_sync(ALL_LANES, best.value, offset),
                             __shfl_xor_sync(ALL_LANES, best.index, offset)});
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = best;
    }
    __syncthreads();
    for (int w = 0; w < (int)blockDim.x / 32; w++) {
        best = better(best, scratch[w]);
    }
    return best;
}

__device__ __forceinline__ Best bestOf(const float* logits, int V, Best* scratch) {
    return bestAfter(logits, V, {MR_INFINITY, -1}, scratch);
}

/** The index as a result: -1 if there is no finite largest logit. */
__device__ __forceinline__ int chosen(Best best) { return fabsf(best.value) < MR_INFINITY ? best.index : -1; }

/** Adds up what the threads give by bins of eight bits: `digit` bits of the keys that share `prefix` above
 * them. */
template <typename T, typename Amount>
__device__ __forceinline__ void histogram(const float* logits, int V, int digit, unsigned prefix, T* bins,
                                          Amount amount) {
    __syncthreads();
    for (int b = (int)threadIdx.x; b < 256; b += (int)blockDim.x) {
        bins[b] = 0;
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < V; i += (int)blockDim.x) {
        unsigned key = keyOf(logits[i]);
        if (digit == 24 || key >> (digit + 8) == prefix >> (digit + 8)) {
            T more = amount(i);
            if (more != 0) {
                atomicAdd(&bins[key >> digit & 255u], more);
            }
        }
    }
    __syncthreads();
}

/** A key, and what lies above it. */
template <typename T>
struct Boundary {
    unsigned key;
    T above;
    T at;
};

/**
 * The largest key at and above which there is at least `wanted`, for every thread; the lowest key with any if
 * there is less in all. Four passes. bins [257].
 */
template <typename T, typename Amount>
__device__ __forceinline__ Boundary<T> boundary(const float* logits, int V, T wanted, T* bins,
                                                Amount amount) {
    Boundary<T> found = {0, 0, 0};
    for (int digit = 24; digit >= 0; digit -= 8) {
        histogram(logits, V, digit, found.key, bins, amount);
        int lowest = 0, bin = 255;
        while (bins[lowest] == 0 && lowest < 255) {
            lowest++;
        }
        while (bin > lowest && found.above + bins[bin] < wanted) {
            found.above += bins[bin--];
        }
        found.key |= (unsigned)bin << digit;
        found.at = bins[bin];
    }
    __syncthreads();
    return found;
}
