// Merges partial attention results of a token: split caches, and prefix with rest (the merge of states of
// FlashInfer's cascade). Shapes: partialOut [P, NQ, D] normalised, partialLse [P, NQ] in log2; tokens [C],
// starts [C + 1], partials: rows of P. out = sum of 2^lse x partial / sum of 2^lse; rows that saw nothing
// have lse -infinity and no weight. Launch: grid (C, NQ), block 64 (one thread per dimension, two passes for
// D 128), no shared memory. Memory-bound.
#include "common.cuh"

extern "C" __global__ void __launch_bounds__(64)
    attention_combine(const int* tokens, const int* starts, const int* partials, const float* partialOut,
                      const float* partialLse, bf16_t* out, int NQ, int D) {
    int begin = starts[blockIdx.x], end = starts[blockIdx.x + 1], head = (int)blockIdx.y;
    if (tokens[blockIdx.x] < 0) {
        return; // padding of graphs
    }
    float most = -MR_INFINITY;
    for (int p = begin; p < end; p++) {
        most = fmaxf(most, partialLse[(i64)partials[p] * NQ + head]);
    }
    float base = most == -MR_INFINITY ? 0.0f : most;
    for (int d = (int)threadIdx.x; d < D; d += (int)blockDim.x) {
        float sum = 0.0f, x = 0.0f;
        for (int p = begin; p < end; p++) {
            i64 row = (i64)partials[p] * NQ + head;
            float weight = exp2Fast(partialLse[row] - base);
            sum += weight;
            x += weight > 0.0f ? weight * partialOut[row * D + d] : 0.0f;
        }
        out[((i64)tokens[blockIdx.x] * NQ + head) * D + d] = bf16Of(sum > 0.0f ? x / sum : 0.0f);
    }
}
MR_KERNEL(attention_combine)
