// residual += delta; out = residual / rms(residual) * weight, as BF16 or quantised to E4M3 (RMSNorm, arXiv
// 1910.07467). Shapes: residual, delta, out [T, H]; weight [H]. Layout: row-major, 16-byte accesses; the row
// stays in shared memory as BF16 between the passes, where each thread reads
//   only what it wrote itself, so that the passes need no barrier of their own.
// Launch: one block of 256 per row, 2 H + 128 bytes shared. Memory-bound: reads 2 x 2H, writes 2H + H or 2H
// bytes.
#include "common.cuh"

struct NormRow {
    bf16_t* row;    // [H] in shared memory
    float* scratch; // [32]
    float inverseRms;
};

__device__ __forceinline__ NormRow addAndNorm(bf16_t* residual, const bf16_t* delta, int H, float epsilon) {
    MR_SHARED(shared);
    NormRow norm = {reinterpret_cast<bf16_t*>(shared), reinterpret_cast<float*>(shared + 2 * H), 0.0f};
    i64 begin = (i64)blockIdx.x * H;
    float squares = 0.0f;
    for (int c = 8 * threadIdx.x; c < H; c += 8 * blockDim.x) {
        Eight sum = load8(residual + begin + c);
        if (delta != nullptr) {
            Eight more = load8(delta + begin + c);
#pragma unroll
            for (int i = 0; i < 8; i++) {
                sum.v[i] += more.v[i];
            }
        }
        uint4 rounded = pack8(sum);
        if (delta != nullptr) {
            *reinterpret_cast<uint4*>(residual + begin + c) = rounded;
        }
        *reinterpret_cast<uint4*>(norm.row + c) = rounded;
        sum = unpack8(rounded);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            squares += sum.v[i] * sum.v[i];
        }
    }
    norm.inverseRms = rsqrtf(blockSum(squares, norm.scratch) / (float)H + epsilon);
    return norm;
}

__device__ __forceinline__ Eight normed(const NormRow& norm, const float* weight, int c) {
    Eight x = load8(norm.row + c);
    Eight w = load8(weight + c);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        x.v[i] *= norm.inverseRms * w.v[i];
    }
    return x;
}

extern "C" __global__ void __launch_bounds__(256)
    rms_norm_bf16(bf16_t* residual, const bf16_t* delta, const float* weight, bf16_t* out, int H,
                  float epsilon) {
    NormRow norm = addAndNorm(residual, delta, H, epsilon);
    for (int c = 8 * threadIdx.x; c < H; c += 8 * blockDim.x) {
        store8(out + (i64)blockIdx.x * H + c, normed(norm, weight, c));
    }
}
MR_KERNEL(rms_norm_bf16)

extern "C" __global__ void __launch_bounds__(256)
    rms_norm_fp8(bf16_t* residual, const bf16_t* delta, const float* weight, e4m3_t* out, float* outScale,
                 int H, float epsilon, float inputRule) {
    NormRow norm = addAndNorm(residual, delta, H, epsilon);
    float amax = 0.0f;
    for (int c = 8 * threadIdx.x; c < H; c += 8 * blockDim.x) {
        amax = fmaxf(amax, largest8(normed(norm, weight, c)));
    }
    float scale = scaleOf(blockMax(amax, norm.scratch), inputRule);
    for (int c = 8 * threadIdx.x; c < H; c += 8 * blockDim.x) {
        store8Scaled(out + (i64)blockIdx.x * H + c, normed(norm, weight, c), scale);
    }
    if (threadIdx.x == 0) {
        outScale[blockIdx.x] = scale;
    }
}
MR_KERNEL(rms_norm_fp8)

// Scales per 128 columns: 16 lanes share one, and a warp works on two groups at a time.
extern "C" __global__ void __launch_bounds__(256)
    rms_norm_fp8_block(bf16_t* residual, const bf16_t* delta, const float* weight, e4m3_t* out,
                       float* outScale, int scaleStride, int H, float epsilon) {
    NormRow norm = addAndNorm(residual, delta, H, epsilon);
    for (int first = 0; first < H; first += 8 * blockDim.x) {
        int c = first + 8 * threadIdx.x;
        Eight x = c < H ? normed(norm, weight, c) : Eight{};
        float scale = scaleOf(warpMax(largest8(x), 16), 0.0f);
        if (c < H) {
            store8Scaled(out + (i64)blockIdx.x * H + c, x, scale);
        }
        if (c < H && c % 128 == 0) {
            outScale[(i64)(c / 128) * scaleStride + blockIdx.x] = scale;
        }
    }
}
MR_KERNEL(rms_norm_fp8_block)
