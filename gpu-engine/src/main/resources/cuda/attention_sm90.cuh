// How prefill attention on Hopper fills shared memory: q once, keys and values through a ring, by a warp group
// that does nothing else. Layout: q [2][D / 64][64 rows][64], ring [4][D / 64][128 tokens][64] of 16-bit
// numbers in swizzled tiles; for an FP8 cache [4][128][D] bytes as they come; then the ring's barriers.
#pragma once
#include "attention.cuh"
#include "wgmma.cuh"

#ifdef MR_HOPPER
constexpr int TOKENS = 128, RING = 4, GROUP = 128; // tokens of a unit, units of the ring, threads of a group

/** Unit 2 n holds keys, unit 2 n + 1 values of the n-th 128 tokens. */
template <typename K>
struct Stage {
    static constexpr int Q_BYTES = 64 * 2 * K::D; // of one group's rows
    static constexpr int BYTES = TOKENS * 2 * K::D;
    static constexpr int RAW = K::FP8 ? TOKENS * K::D : 0;
    static constexpr int HALF = TOKENS * 128; // of a unit, from one 64 columns to the next
    unsigned char *q, *ring, *raw;
    u64 *full, *empty;
    __device__ __forceinline__ explicit Stage(unsigned char* shared)
        : q(shared),
          ring(shared + 2 * Q_BYTES),
          raw(ring + RING * BYTES),
          full(reinterpret_cast<u64*>(raw + RING * RAW)),
          empty(full + RING) {}
    __device__ __forceinline__ unsigned char* tile(int unit) const { return ring + unit % RING * BYTES; }
    __device__ __forceinline__ unsigned char* bytes(int unit) const { return raw + unit % RING * RAW; }
};

/** Which phase of its ring place a unit is. */
__device__ __forceinline__ int phaseOf(int unit) { return unit / RING % 2; }

/** All threads: the block's rows of q, zeros where there is none. */
template <typename K>
__device__ __forceinline__ void stageQuery(const AttentionArgs& a, const AttentionWork& w,
                                           unsigned char* to) {
    for (int i = (int)threadIdx.x; i < 128 * K::D / 8; i += 3 * GROUP) {
        int row = i / (K::D / 8), chunk = i % (K::D / 8);
        QueryRow r = queryRow(w, a, w.firstRow + row);
        uint4 words = {0, 0, 0, 0};
        if (r.exists) {
            const bf16_t* from = a.q + (i64)r.token * a.qStride + r.head * K::D + 8 * chunk;
            words = *reinterpret_cast<const uint4*>(from);
            if (K::FP8) {
                Eight x = unpack8(words);
                for (int k = 0; k < 8; k++) {
                    x.v[k] = fminf(fmaxf(x.v[k], -65504.0f), 65504.0f);
                }
                words = {f16Pair(x.v[0], x.v[1]), f16Pair(x.v[2], x.v[3]), f16Pair(x.v[4], x.v[5]),
                         f16Pair(x.v[6], x.v[7])};
            }
        }
        unsigned char* tile = to + row / 64 * Stage<K>::Q_BYTES + chunk / 8 * 64 * 128;
        *reinterpret_cast<uint4*>(tile + tileByte(row % 64, chunk % 8)) = words;
    }
    fenceForWgmma();
}

/** A thread of the producing group copies 16 bytes of every STEP-th row. */
template <typename K>
struct Share {
    static constexpr int STEP = GROUP / K::CHUNKS, COUNT = TOKENS / STEP;
    int chunk, row;
    __device__ __forceinline__ Share()
        : chunk((int)threadIdx.x % K::CHUNKS), row((int)threadIdx.x % GROUP / K::CHUNKS) {}
};

/** Asks for a unit's share: to its tile, or, of an FP8 cache, as it comes. Tokens from kvEnd on are zeros. */
template <typename K>
__device__ __forceinline__ void fetch(const AttentionArgs& a, const AttentionWork& w, const Stage<K>& stage,
                                      int unit, int begin) {
    Share<K> mine;
    const int* table = a.blockTables + (i64)w.tableRow * a.maxBlocks;
    i64 headBytes = (i64)a.blockSize * K::BYTES;
    int token = begin + unit / 2 * TOKENS + mine.row;
    int block = token / a.blockSize, offset = token % a.blockSize;
#pragma unroll
    for (int i = 0; i < Share<K>::COUNT; i++) {
        int row = mine.row + i * Share<K>::STEP;
        bool valid = token + i * Share<K>::STEP < w.kvEnd;
        const unsigned char* from = a.kv;
        if (valid) {
            i64 head = ((i64)table[block] * 2 + unit % 2) * a.NK + blockIdx.y;
            from += head * headBytes + offset * K::BYTES + 16 * mine.chunk;
        }
        unsigned char* as = stage.bytes(unit) + row * K::BYTES + 16 * mine.chunk;
        unsigned char* to = stage.tile(unit) + mine.chunk / 8 * Stage<K>::HALF + tileByte(row, mine.chunk % 8);
        asyncCopy16(K::FP8 ? as : to, from, valid);
        for (offset += Share<K>::STEP; offset >= a.blockSize; offset -= a.blockSize) {
            block++;
        }
    }
}

/** Each thread widens what it copied itself. */
template <typename K>
__device__ __forceinline__ void widen(const Stage<K>& stage, int unit) {
    Share<K> mine;
    unsigned char* tile = stage.tile(unit) + mine.chunk / 4 * Stage<K>::HALF;
    int chunk = 2 * mine.chunk % 8;
#pragma unroll
    for (int i = 0; i < Share<K>::COUNT; i++) {
        int row = mine.row + i * Share<K>::STEP;
        uint4 b = *reinterpret_cast<const uint4*>(stage.bytes(unit) + row * K::BYTES + 16 * mine.chunk);
        *reinterpret_cast<uint4*>(tile + tileByte(row, chunk)) = {
            f16PairOfE4m3(b.x), f16PairOfE4m3(b.x >> 16), f16PairOfE4m3(b.y), f16PairOfE4m3(b.y >> 16)};
        *reinterpret_cast<uint4*>(tile + tileByte(row, chunk + 1)) = {
            f16PairOfE4m3(b.z), f16PairOfE4m3(b.z >> 16), f16PairOfE4m3(b.w), f16PairOfE4m3(b.w >> 16)};
    }
}

/** The producing group's work: `tiles` times keys and values. */
template <typename K>
__device__ __forceinline__ void produce(const AttentionArgs& a, const AttentionWork& w, const Stage<K>& stage,
                                        int begin, int tiles) {
    // Units on their way. Three would wait for each other: a unit takes the place of values, which are used
    // only after the keys that follow them.
    constexpr int LATE = K::FP8 ? 2 : 1;
    for (int unit = 0; unit < 2 * tiles + LATE; unit++) {
        int ready = unit - LATE;
        if (!K::FP8 && unit < 2 * tiles) {
            barrierWait(stage.empty + unit % RING, phaseOf(unit) ^ 1);
        }
        if (unit < 2 * tiles) {
            fetch<K>(a, w, stage, unit, begin);
        }
        asyncCommit();
        if (ready < 0) {
            continue;
        }
        asyncWait<LATE>();
        if (K::FP8) {
            barrierWait(stage.empty + ready % RING, phaseOf(ready) ^ 1);
            widen<K>(stage, ready);
        }
        fenceForWgmma();
        __syncwarp();
        if (threadIdx.x % 32 == 0) {
            barrierArrive(stage.full + ready % RING);
        }
    }
    asyncWait<0>();
}
#endif
