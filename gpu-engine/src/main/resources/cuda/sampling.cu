// Chooses a token per row of logits, with the meaning of dev.millrace.engine.sampling.Sampler: min_p and
// top_k as thresholds, top_p over what they leave, then inversion of the distribution in id order by a number
// that depends on (seed, choice, position) alone, so that batching never changes an answer. Shapes: logits
// [R, stride] with V valid columns. Weights exp((logit - max) / temperature) are taken in F64 each time they
// are needed. Launch: one block of 256 per row. Passes over the row: 2 (greedy: 1), + 4 for top_k, + 6 for
// top_p; it stays in L2.
#include "vocabulary.cuh"

constexpr double FIXED = 35184372088832.0; // 2^45: masses as integers, whose sum is the same in any order

/** A row's tokens and their unnormalised probabilities. */
struct Distribution {
    const float* logits;
    int V;
    double most, inverseTemperature, lowest;
    unsigned cutKey;
    int cutIndex; // of the tokens with the key cutKey, the last that stays

    __device__ __forceinline__ double weight(int i) const {
        unsigned key = keyOf(logits[i]);
        bool out = (double)logits[i] < lowest || key < cutKey || (key == cutKey && i > cutIndex);
        return out ? 0.0 : exp(((double)logits[i] - most) * inverseTemperature);
    }
};

/** Fills runs[] with the sums of amount(i) over runs of tokens; returns the total, added up in order. */
template <typename Amount>
__device__ __forceinline__ double sumRuns(int V, double* runs, Amount amount) {
    int count = (V + RUN - 1) / RUN;
    __syncthreads();
    for (int run = (int)threadIdx.x / 32; run < count; run += (int)blockDim.x / 32) {
        double sum = 0.0;
        for (int i = run * RUN + (int)threadIdx.x % 32; i < min(V, (run + 1) * RUN); i += 32) {
            sum += amount(i);
        }
        sum = warpSum(sum);
        if (threadIdx.x % 32 == 0) {
            runs[run] = sum;
        }
    }
    __syncthreads();
    double total = 0.0;
    for (int run = 0; run < count; run++) {
        total += runs[run];
    }
    return total;
}

/** The token at which the sum of amount(i), in id order, first exceeds `left`; the last one that has any if
 * none. By one warp. */
template <typename Amount>
__device__ __forceinline__ int tokenAt(int V, const double* runs, double left, Amount amount) {
    int lane = (int)threadIdx.x % 32, count = (V + RUN - 1) / RUN, run = 0, last = 0;
    for (; run < count && left >= runs[run]; run++) {
        left -= runs[run];
        last = runs[run] > 0.0 ? run : last;
    }
    run = run < count ? run : last;
    int best = run * RUN;
    for (int first = run * RUN; first < min(V, (run + 1) * RUN); first += 32) {
        double mass = first + lane < V ? amount(first + lane) : 0.0;
        double upTo = mass;
        for (int offset = 1; offset < 32; offset *= 2) {
            double before = __shfl_up_sync(ALL_LANES, upTo, offset);
            upTo += lane >= offset ? before : 0.0;
        }
        unsigned there = __ballot_sync(ALL_LANES, upTo > left && mass > 0.0);
        if (there != 0) {
            return first + __ffs((int)there) - 1;
        }
        unsigned any = __ballot_sync(ALL_LANES, mass > 0.0);
        while (any != 0) { // rounding can leave a crumb of the total; it belongs to the last token
            best = first + __ffs((int)any) - 1;
            any &= any - 1;
        }
        left -= __shfl_sync(ALL_LANES, upTo, 31);
    }
    return best;
}

/** Keeps a token while the mass of those before it, best first, is below `wanted`. */
__device__ __forceinline__ void keepNucleus(Distribution& all, double wanted, u64* bins, double* runs,
                                            int* result) {
    Boundary<u64> cut = boundary(all.logits, all.V, (u64)(wanted * FIXED), bins,
                                 [&](int i) { return (u64)(all.weight(i) * FIXED); });
    float value = valueOf(cut.key);
    double each = exp(((double)value - all.most) * all.inverseTemperature);
    double tokens = fmax(1.0, ceil((wanted - (double)cut.above / FIXED) / each));
    double ties = sumRuns(all.V, runs, [&](int i) { return keyOf(all.logits[i]) == cut.key ? 1.0 : 0.0; });
    if (ties > tokens) {
        if (threadIdx.x < 32) {
            int last = tokenAt(all.V, runs, tokens - 0.5,
                               [&](int i) { return keyOf(all.logits[i]) == cut.key ? 1.0 : 0.0; });
            if (threadIdx.x == 0) {
                *result = last;
            }
        }
        __syncthreads();
        all.cutIndex = *result;
    }
    all.cutKey = cut.key;
}

extern "C" __global__ void __launch_bounds__(256) argmax(const float* logits, i64 stride, int V, int* out) {
    MR_SHARED(shared);
    Best best = bestOf(logits + blockIdx.x * stride, V, reinterpret_cast<Best*>(shared));
    if (threadIdx.x == 0) {
        out[blockIdx.x] = chosen(best);
    }
}
MR_KERNEL(argmax)

extern "C" __global__ void __launch_bounds__(256)
    sample(const float* logits, i64 stride, int V, const double* temperature, const int* topK,
           const double* topP, const double* minP, const double* uniform, int* out) {
    MR_SHARED(shared);
    u64* bins = reinterpret_cast<u64*>(shared);             // [257], or as ints
    Best* scratch = reinterpret_cast<Best*>(shared + 2112); // [32]
    int* result = reinterpret_cast<int*>(shared + 2368);
    double* runs = reinterpret_cast<double*>(shared + 4608); // [ceil(V / RUN)]
    int row = (int)blockIdx.x;
    const float* scores = logits + row * stride;
    Best best = bestOf(scores, V, scratch);
    int token = chosen(best);
    if (token >= 0 && temperature[row] > 0.0) {
        Distribution all = {scores, V, (double)best.value, 1.0 / temperature[row], -(double)MR_INFINITY,
                            0,      V};
        if (minP[row] > 0.0) {
            all.lowest = all.most + temperature[row] * log(minP[row]);
        }
        if (topK[row] > 0 && topK[row] < V) {
            unsigned key =
                boundary(scores, V, topK[row], reinterpret_cast<int*>(bins), [](int) { return 1; }).key;
            all.lowest = fmax(all.lowest, (double)valueOf(key));
        }
        double total = sumRuns(V, runs, [&](int i) { return all.weight(i); });
        if (topP[row] < 1.0) {
            keepNucleus(all, topP[row] * total, bins, runs, result);
            total = sumRuns(V, runs, [&](int i) { return all.weight(i); });
        }
        if (threadIdx.x < 32) {
            double left = uniform[row] * total;
            token = tokenAt(V, runs, left, [&](int i) { return all.weight(i); });
        }
    }
    if (threadIdx.x == 0) {
        out[row] = token;
    }
}
MR_KERNEL(sample)

// Natural logarithms of softmax(raw logits): of the chosen token and of the `count` best, best first.
extern "C" __global__ void __launch_bounds__(256)
    log_probs(const float* logits, i64 stride, int V, const int* tokens, int count, double* logprob,
              int* topIds, double* topLogprobs) {
    MR_SHARED(shared);
    double* sums = reinterpret_cast<double*>(shared);
    Best* scratch = reinterpret_cast<Best*>(shared + 256);
    int row = (int)blockIdx.x;
    const float* scores = logits + row * stride;
    Best best = bestOf(scores, V, scratch);
    double sum = 0.0;
    for (int i = (int)threadIdx.x; i < V; i += (int)blockDim.x) {
        sum += exp((double)scores[i] - (double)best.value);
    }
    double logTotal = (double)best.value + log(blockSum(sum, sums));
    if (threadIdx.x == 0) {
        logprob[row] =
            tokens[row] < 0 ? (double)(MR_INFINITY - MR_INFINITY) : (double)scores[tokens[row]] - logTotal;
    }
    for (int k = 0; k < count; k++) {
        if (threadIdx.x == 0) {
            topIds[(i64)row * count + k] = best.index < V ? best.index : -1; // -1: the vocabulary is smaller
            topLogprobs[(i64)row * count + k] = (double)best.value - logTotal;
        }
        best = bestAfter(scores, V, best, scratch);
    }
}
MR_KERNEL(log_probs)
