// Mixture of experts around the grouped product: router, choice, sorting assignments by expert, weighted sum.
// Shapes: x [T, H]; router weight [E, H] and logits [T, E] in F32, for a small error there becomes another
// expert; n = T A
//   assignments, number a being choice a % A of token a / A; counts [ceil(n / 256)][E].
// The sort is stable and its order fixed: counts per 256 assignments, prefix sums, then ranks inside the 256.
// Launch: as README.md says per kernel.
#include "common.cuh"

constexpr int ROUTER_TOKENS = 8, ROUTER_EXPERTS = 4;

// grid (ceil(T / 8)), block 256. A warp computes 4 experts for 8 tokens: a weight is read once for eight
// uses.
extern "C" __global__ void __launch_bounds__(256)
    moe_router(const bf16_t* x, const float* weight, float* logits, int T, int H, int E) {
    int lane = (int)threadIdx.x % 32, first = (int)blockIdx.x * ROUTER_TOKENS;
    for (int e = (int)threadIdx.x / 32 * ROUTER_EXPERTS; e < E; e += (int)blockDim.x / 32 * ROUTER_EXPERTS) {
        float sums[ROUTER_TOKENS][ROUTER_EXPERTS] = {};
        for (int c = 8 * lane; c < H; c += 256) {
            Eight w[ROUTER_EXPERTS];
#pragma unroll
            for (int k = 0; k < ROUTER_EXPERTS; k++) {
                w[k] = load8(weight + (i64)min(e + k, E - 1) * H + c);
            }
#pragma unroll
            for (int t = 0; t < ROUTER_TOKENS; t++) {
                Eight v = load8(x + (i64)min(first + t, T - 1) * H + c);
#pragma unroll
                for (int k = 0; k < ROUTER_EXPERTS; k++) {
#pragma unroll
                    for (int i = 0; i < 8; i++) {
                        sums[t][k] += v.v[i] * w[k].v[i];
                    }
                }
            }
        }
#pragma unroll
        for (int t = 0; t < ROUTER_TOKENS; t++) {
#pragma unroll
            for (int k = 0; k < ROUTER_EXPERTS; k++) {
                float sum = warpSum(sums[t][k]);
                if (lane == 0 && first + t < T && e + k < E) {
                    logits[(i64)(first + t) * E + e + k] = sum;
                }
            }
        }
    }
}
MR_KERNEL(moe_router)

// grid (ceil(T / 4)), block 128, shared 16 E. A warp per token: A times the best of what is left, equal ones
// by lower index.
extern "C" __global__ void __launch_bounds__(128)
    moe_route(const float* logits, int* ids, float* weights, int T, int E, int A, int renormalise) {
    MR_SHARED(shared);
    int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, token = (int)blockIdx.x * 4 + warp;
    float* left =
        reinterpret_cast<float*>(shared) + warp * E; // each lane reads and writes its own places only
    if (token >= T) {
        return; // whole warps; no barrier of the block below
    }
    float most = -MR_INFINITY, total = 0.0f, kept = 0.0f;
    for (int e = lane; e < E; e += 32) {
        left[e] = logits[(i64)token * E + e];
        most = fmaxf(most, left[e]);
    }
    most = warpMax(most);
    for (int e = lane; e < E; e += 32) {
        total += __expf(left[e] - most);
    }
    total = warpSum(total);
    for (int k = 0; k < A; k++) {
        float best = -MR_INFINITY;
        int index = E;
        for (int e = lane; e < E; e += 32) {
            if (left[e] > best) {
                best = left[e];
                index = e;
            }
        }
        for (int offset = 16; offset > 0; offset /= 2) {
            float other = __shfl_xor_sync(ALL_LANES, best, offset);
            int otherIndex = __shfl_xor_sync(ALL_LANES, index, offset);
            if (other > best || (other == best && otherIndex < index)) {
                best = other;
                index = otherIndex;
            }
        }
        index = min(index, E - 1); // only if the logits are NaN
        float share = __expf(best - most) / total;
        kept += share;
        if (lane == index % 32) {
            left[index] = -MR_INFINITY;
        }
        if (lane == 0) {
            ids[(i64)token * A + k] = index;
            weights[(i64)token * A + k] = share;
        }
    }
    for (int k = 0; k < A && renormalise && lane == 0; k++) {
        weights[(i64)token * A + k] /= kept;
    }
}
MR_KERNEL(moe_route)

// grid (ceil(n / 256)), block 256, shared 4 E.
extern "C" __global__ void __launch_bounds__(256) moe_count(const int* ids, int* counts, int n, int E) {
    MR_SHARED(shared);
    int* here = reinterpret_cast<int*>(shared);
    int a = (int)(blockIdx.x * 256 + threadIdx.x);
    for (int e = (int)threadIdx.x; e < E; e += 256) {
        here[e] = 0;
    }
    __syncthreads();
    if (a < n) {
        atomicAdd(&here[ids[a]], 1);
    }
    __syncthreads();
    for (int e = (int)threadIdx.x; e < E; e += 256) {
        counts[(i64)blockIdx.x * E + e] = here[e];
    }
}
MR_KERNEL(moe_count)

// grid 1, block 1024, shared 8 E + 8. Thread e looks after expert e.
extern "C" __global__ void __launch_bounds__(1024)
    moe_offsets(int* counts, int* expertOffsets, int* tiles, int chunks, int E, int maxTiles) {
    MR_SHARED(shared);
    int2* upTo = reinterpret_cast<int2*>(shared); // [E] rows and tiles of the experts up to this one
    int e = (int)threadIdx.x, rows = 0;
    for (int c = 0; e < E && c < chunks; c++) {
        rows += counts[(i64)c * E + e];
    }
    if (e < E) {
        upTo[e] = {rows, (rows + 63) / 64};
    }
    __syncthreads();
    for (int offset = 1; offset < E; offset *= 2) {
        int2 before = e < E && e >= offset ? upTo[e - offset] : int2{0, 0};
        __syncthreads();
        if (e < E) {
            upTo[e] = {upTo[e].x + before.x, upTo[e].y + before.y};
        }
        __syncthreads();
    }
    if (e < E) {
        int place = upTo[e].x - rows, tile = upTo[e].y - (rows + 63) / 64;
        expertOffsets[e] = place;
        if (e == E - 1) {
            expertOffsets[E] = upTo[e].x;
        }
        for (int first = place; first < upTo[e].x; first += 64, tile++) {
            tiles[2 * tile] = e;
            tiles[2 * tile + 1] = first;
        }
        for (int c = 0; c < chunks; c++) {
            int count = counts[(i64)c * E + e];
            counts[(i64)c * E + e] = place;
            place += count;
        }
    }
    for (int tile = upTo[E - 1].y + e; tile < maxTiles; tile += 1024) {
        tiles[2 * tile] = -1;
        tiles[2 * tile + 1] = 0;
    }
}
MR_KERNEL(moe_offsets)

// grid (ceil(n / 256)), block 256, shared 1024.
extern "C" __global__ void __launch_bounds__(256)
    moe_place(const int* ids, const int* counts, int* assignmentAt, int* placeOf, int n, int E) {
    MR_SHARED(shared);
    int* here = reinterpret_cast<int*>(shared);
    int a = (int)(blockIdx.x * 256 + threadIdx.x);
    here[threadIdx.x] = a < n ? ids[a] : -1;
    __syncthreads();
    if (a < n) {
        int place = counts[(i64)blockIdx.x * E + ids[a]];
        for (int i = 0; i < (int)threadIdx.x; i++) {
            place += here[i] == here[threadIdx.x] ? 1 : 0;
        }
        assignmentAt[place] = a;
        placeOf[a] = place;
    }
}
MR_KERNEL(moe_place)

// grid (T), block 256.
extern "C" __global__ void __launch_bounds__(256)
    moe_combine(const bf16_t* in, const int* placeOf, const float* weights, bf16_t* out, int H, int A) {
    for (int c = 8 * (int)threadIdx.x; c < H; c += 8 * (int)blockDim.x) {
        Eight sum = {};
        for (int k = 0; k < A; k++) {
            i64 a = (i64)blockIdx.x * A + k;
            Eight part = load8(in + (i64)placeOf[a] * H + c);
#pragma unroll
            for (int i = 0; i < 8; i++) {
                sum.v[i] += weights[a] * part.v[i];
            }
        }
        store8(out + (i64)blockIdx.x * H + c, sum);
    }
}
MR_KERNEL(moe_combine)
