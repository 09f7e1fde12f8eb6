// Changes of logits before a token is chosen, in vLLM's order: bias, penalties, then what a grammar allows.
// Shapes: logits [R, stride] with V valid columns; ragged lists by prefix sums [R + 1].
// Launch: one block of 256 per row. bias_penalties touches the listed tokens only; mask_logits reads the
// mask, V / 8 bytes. Source: repetition penalty of CTRL (arXiv 1909.05858), OpenAI's presence and frequency;
// dev.millrace.engine.sampling.Penalties.
#include "common.cuh"

__device__ __forceinline__ float penalised(float score, int count, float repetition, double frequency,
                                           double presence) {
    score = score > 0.0f ? score / repetition : score * repetition;
    return count > 0 ? score - (float)(frequency * count + presence) : score;
}

extern "C" __global__ void __launch_bounds__(256)
    bias_penalties(float* logits, i64 stride, const int* biasStart, const int* biasTokens,
                   const float* biasValues, const int* historyStart, const int* historyTokens,
                   const int* historyCounts, const int* lateRow, const int* sampled, const double* repetition,
                   const double* frequency, const double* presence) {
    MR_SHARED(shared);
    int* lateIsListed = reinterpret_cast<int*>(shared);
    int row = (int)blockIdx.x;
    float* scores = logits + row * stride;
    for (int i = biasStart[row] + (int)threadIdx.x; i < biasStart[row + 1]; i += (int)blockDim.x) {
        scores[biasTokens[i]] += biasValues[i];
    }
    float repeat = (float)repetition[row];
    if (repeat == 1.0f && frequency[row] == 0.0 && presence[row] == 0.0) {
        return; // the whole block
    }
    int late = lateRow[row] < 0 ? -1 : sampled[lateRow[row]];
    if (threadIdx.x == 0) {
        *lateIsListed = 0;
    }
    __syncthreads();
    for (int i = historyStart[row] + (int)threadIdx.x; i < historyStart[row + 1]; i += (int)blockDim.x) {
        int token = historyTokens[i];
        int count = historyCounts[i] + (token == late ? 1 : 0);
        if (token == late) {
            *lateIsListed = 1; // by one thread at most: the list has each token once
        }
        scores[token] = penalised(scores[token], count, repeat, frequency[row], presence[row]);
    }
    __syncthreads();
    if (threadIdx.x == 0 && late >= 0 && !*lateIsListed) {
        scores[late] = penalised(scores[late], 1, repeat, frequency[row], presence[row]);
    }
}
MR_KERNEL(bias_penalties)

extern "C" __global__ void __launch_bounds__(256)
    mask_logits(float* logits, i64 stride, const int* maskRow, const unsigned* bits, int V) {
    int mask = maskRow[blockIdx.x];
    if (mask < 0) {
        return;
    }
    const unsigned* words = bits + (i64)mask * ((V + 31) / 32);
    for (int i = (int)threadIdx.x; i < V; i += (int)blockDim.x) {
        if ((words[i / 32] >> (i % 32) & 1u) == 0) {
            logits[blockIdx.x * stride + i] = -MR_INFINITY;
        }
    }
}
MR_KERNEL(mask_logits)
