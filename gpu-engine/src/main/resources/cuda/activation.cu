// out = silu(gate) * up, as BF16 or quantised to E4M3 with a scale per row or per 128 columns.
// Shapes: gateUp [T, 2I], gate columns first; out [T, I].
// Layout: row-major, 16-byte accesses; the quantising kernel keeps the products in shared memory as BF16,
// each thread its own. Launch: one block of 256 per row; shared 0, 2 I + 128 and 0 bytes. Memory-bound: reads
// 4I, writes 2I or I bytes.
#include "common.cuh"

__device__ __forceinline__ Eight siluMul8(const bf16_t* gateUp, int I, int c) {
    Eight gate = load8(gateUp + c);
    Eight up = load8(gateUp + I + c);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        gate.v[i] = gate.v[i] / (1.0f + __expf(-gate.v[i])) * up.v[i];
    }
    return gate;
}

extern "C" __global__ void __launch_bounds__(256) silu_mul_bf16(const bf16_t* gateUp, bf16_t* out, int I) {
    for (int c = 8 * threadIdx.x; c < I; c += 8 * blockDim.x) {
        store8(out + (i64)blockIdx.x * I + c, siluMul8(gateUp + (i64)blockIdx.x * 2 * I, I, c));
    }
}
MR_KERNEL(silu_mul_bf16)

extern "C" __global__ void __launch_bounds__(256)
    silu_mul_fp8(const bf16_t* gateUp, e4m3_t* out, float* outScale, int I, float inputRule) {
    MR_SHARED(shared);
    bf16_t* row = reinterpret_cast<bf16_t*>(shared);
    float* scratch = reinterpret_cast<float*>(shared + 2 * I);
    float amax = 0.0f;
    for (int c = 8 * threadIdx.x; c < I; c += 8 * blockDim.x) {
        uint4 rounded = pack8(siluMul8(gateUp + (i64)blockIdx.x * 2 * I, I, c));
        *reinterpret_cast<uint4*>(row + c) = rounded;
        amax = fmaxf(amax, largest8(unpack8(rounded)));
    }
    float scale = scaleOf(blockMax(amax, scratch), inputRule);
    for (int c = 8 * threadIdx.x; c < I; c += 8 * blockDim.x) {
        store8Scaled(out + (i64)blockIdx.x * I + c, load8(row + c), scale);
    }
    if (threadIdx.x == 0) {
        outScale[blockIdx.x] = scale;
    }
}
MR_KERNEL(silu_mul_fp8)

extern "C" __global__ void __launch_bounds__(256)
    silu_mul_fp8_block(const bf16_t* gateUp, e4m3_t* out, float* outScale, int scaleStride, int I) {
    for (int first = 0; first < I; first += 8 * blockDim.x) {
        int c = first + 8 * threadIdx.x;
        Eight x = c < I ? unpack8(pack8(siluMul8(gateUp + (i64)blockIdx.x * 2 * I, I, c))) : Eight{};
        float scale = scaleOf(warpMax(largest8(x), 16), 0.0f);
        if (c < I) {
            store8Scaled(out + (i64)blockIdx.x * I + c, x, scale);
        }
        if (c < I && c % 128 == 0) {
            outScale[(i64)(c / 128) * scaleStride + blockIdx.x] = scale;
        }
    }
}
MR_KERNEL(silu_mul_fp8_block)
