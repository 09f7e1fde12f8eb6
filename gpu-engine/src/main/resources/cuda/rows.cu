// Rows from here to there: embedding, token ids that the device chose, rows that want logits, biases.
// Shapes: tokenIds [T]; table [V, H]; rows [R]. Layout: row-major, 16-byte accesses.
// Launch: one block of 256 per row (resolve_tokens: one thread per token), no shared memory. Memory-bound.
#include "common.cuh"

// An id outside of the vocabulary gives zeros: the host has checked it, or it is the -1 of a row that could
// not be sampled.
extern "C" __global__ void __launch_bounds__(256)
    embed(const int* tokenIds, const bf16_t* table, bf16_t* out, int H, int V) {
    int token = tokenIds[blockIdx.x];
    bool known = token >= 0 && token < V;
    for (int c = 8 * threadIdx.x; c < H; c += 8 * blockDim.x) {
        uint4 words = {0, 0, 0, 0};
        if (known) {
            words = *reinterpret_cast<const uint4*>(table + (i64)token * H + c);
        }
        *reinterpret_cast<uint4*>(out + (i64)blockIdx.x * H + c) = words;
    }
}
MR_KERNEL(embed)

// The host launches a step before it knows the tokens of the one before: -1 - r stands for what row r chose
// there.
extern "C" __global__ void __launch_bounds__(256) resolve_tokens(int* tokenIds, const int* sampled, int T) {
    int t = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (t < T && tokenIds[t] < 0) {
        tokenIds[t] = sampled[-1 - tokenIds[t]];
    }
}
MR_KERNEL(resolve_tokens)

extern "C" __global__ void __launch_bounds__(256)
    gather_rows(const unsigned char* in, const int* rows, unsigned char* out, i64 rowBytes) {
    const unsigned char* from = in + rows[blockIdx.x] * rowBytes;
    for (i64 at = 16 * threadIdx.x; at < rowBytes; at += 16 * blockDim.x) {
        *reinterpret_cast<uint4*>(out + blockIdx.x * rowBytes + at) =
            *reinterpret_cast<const uint4*>(from + at);
    }
}
MR_KERNEL(gather_rows)

extern "C" __global__ void __launch_bounds__(256) add_bias(bf16_t* x, const float* bias, int C) {
    for (int c = 8 * threadIdx.x; c < C; c += 8 * blockDim.x) {
        Eight sum = load8(x + (i64)blockIdx.x * C + c);
        Eight more = load8(bias + c);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            sum.v[i] += more.v[i];
        }
        store8(x + (i64)blockIdx.x * C + c, sum);
    }
}
MR_KERNEL(add_bias)
