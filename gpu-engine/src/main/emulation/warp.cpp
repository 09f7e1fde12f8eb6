// Operations that the lanes of a warp do together: shuffles, votes, ldmatrix, mma.sync. A lane leaves its
// operands and waits; the last to arrive does the work for all.
#include <cstring>

#include "machine.h"
#include "numbers.h"

using namespace emu;

static Warp& warpOf(const Thread& thread) { return warps[thread.index / WARP]; }
static int laneOf(const Thread& thread) { return thread.index % WARP; }

/** Arrives at an operation. True for the last lane, which must do the work and then call wake(). */
static bool arrive(int kind, unsigned mask) {
    Warp& warp = warpOf(*current);
    unsigned bit = 1u << laneOf(*current);
    if ((mask & bit) == 0) {
        fail("takes part in a warp operation whose mask %08x leaves it out", mask);
    }
    if (warp.arrived == 0) {
        warp.kind = kind;
        warp.mask = mask;
    } else if (warp.kind != kind || warp.mask != mask) {
        fail(
            "meets other lanes of its warp in a different operation (kind %d mask %08x against kind %d mask "
            "%08x)",
            kind, mask, warp.kind, warp.mask);
    }
    warp.arrived |= bit;
    return warp.arrived == mask;
}

static void wake() {
    Warp& warp = warpOf(*current);
    int first = current->index - laneOf(*current);
    for (int lane = 0; lane < WARP; lane++) {
        if ((warp.mask >> lane & 1) && first + lane < block.threads && &threads[first + lane] != current) {
            threads[first + lane].state = State::READY;
        }
    }
    warp.arrived = 0;
    warp.turn ^= 1;
}

void __syncwarp(unsigned mask) {
    if (arrive(EMU_SYNC_WARP, mask)) {
        warpOf(*current).lastSync = ++now;
        wake();
    } else {
        pause(State::AT_COLLECTIVE);
    }
}

/** Exchanges one value per lane; returns the table of all lanes' values. */
static const uint64_t* exchange(int kind, unsigned mask, uint64_t value) {
    Warp& warp = warpOf(*current);
    uint64_t* values = warp.values[warp.turn];
    values[laneOf(*current)] = value;
    if (arrive(kind, mask)) {
        wake();
    } else {
        pause(State::AT_COLLECTIVE);
    }
    return values;
}

uint64_t emuShuffle(unsigned mask, uint64_t value, int source) {
    const uint64_t* values = exchange(EMU_SHUFFLE, mask, value);
    if (source < 0) {
        return value;
    }
    if ((mask >> source & 1) == 0) {
        fail("shuffles from lane %d, which mask %08x leaves out", source, mask);
    }
    return values[source];
}

unsigned __ballot_sync(unsigned mask, int predicate) {
    const uint64_t* values = exchange(EMU_BALLOT, mask, predicate != 0);
    unsigned votes = 0;
    for (int lane = 0; lane < WARP; lane++) {
        votes |= (mask >> lane & 1) && values[lane] ? 1u << lane : 0;
    }
    return votes;
}

uint4 emuLdmatrix4(const void* row, int transposed) {
    const unsigned char* address = static_cast<const unsigned char*>(row);
    if (!isShared(address) || (address - shared) % 16 != 0) {
        fail("ldmatrix of a row that is not in shared memory or not aligned to 16 bytes");
    }
    checkShared(address, 16, Access::READ);
    Warp& warp = warpOf(*current);
    int lane = laneOf(*current);
    warp.rows[lane] = address;
    if (arrive(EMU_LDMATRIX, 0xffffffffu)) {
        for (int l = 0; l < WARP; l++) {
            unsigned words[4];
            for (int m = 0; m < 4; m++) {
                uint16_t pair[2];
                for (int k = 0; k < 2; k++) {
                    int r = transposed ? 2 * (l % 4) + k : l / 4;
                    int c = transposed ? l / 4 : 2 * (l % 4) + k;
                    memcpy(&pair[k], warp.rows[8 * m + r] + 2 * c, 2);
                }
                words[m] = pair[0] | (unsigned)pair[1] << 16;
            }
            warp.a[l] = {words[0], words[1], words[2], words[3]};
        }
        wake();
    } else {
        pause(State::AT_COLLECTIVE);
    }
    return warp.a[lane];
}

/** The numbers of one 32-bit word: 2 of 16 bits or 4 of 8 bits. */
static void unpack(int kind, unsigned word, float* to) {
    if (kind == EMU_MMA_E4M3_K32) {
        for (int i = 0; i < 4; i++) {
            to[i] = fromE4m3((uint8_t)(word >> 8 * i));
        }
    } else {
        for (int i = 0; i < 2; i++) {
            uint16_t bits = (uint16_t)(word >> 16 * i);
            to[i] = kind == EMU_MMA_F16_K16 ? fromF16(bits) : fromBf16(bits);
        }
    }
}

/** Fragment layouts of the PTX manual, "Matrix fragments for mma.m16n8k16 / k32". */
static void multiply(int kind, Warp& warp) {
    static float a[16][32], b[32][8];
    int perWord = kind == EMU_MMA_E4M3_K32 ? 4 : 2;
    int depth = 8 * perWord;
    for (int lane = 0; lane < WARP; lane++) {
        int group = lane / 4, column = lane % 4 * perWord;
        float numbers[4];
        const unsigned wordsA[4] = {warp.a[lane].x, warp.a[lane].y, warp.a[lane].z, warp.a[lane].w};
        for (int w = 0; w < 4; w++) {
            unpack(kind, wordsA[w], numbers);
            memcpy(&a[group + 8 * (w % 2)][column + depth / 2 * (w / 2)], numbers, (size_t)perWord * 4);
        }
        const unsigned wordsB[2] = {warp.b[lane].x, warp.b[lane].y};
        for (int w = 0; w < 2; w++) {
            unpack(kind, wordsB[w], numbers);
            for (int i = 0; i < perWord; i++) {
                b[column + i + depth / 2 * w][group] = numbers[i];
            }
        }
    }
    float sums[16][8] = {};
    for (int row = 0; row < 16; row++) {
        for (int k = 0; k < depth; k++) {
            for (int col = 0; col < 8; col++) {
                sums[row][col] += a[row][k] * b[k][col];
            }
        }
    }
    for (int lane = 0; lane < WARP; lane++) {
        float* c = &warp.c[lane].x;
        for (int i = 0; i < 4; i++) {
            c[i] += sums[lane / 4 + 8 * (i / 2)][lane % 4 * 2 + i % 2];
        }
    }
}

float4 emuMma(int kind, uint4 a, uint2 b, float4 c) {
    Warp& warp = warpOf(*current);
    int lane = laneOf(*current);
    warp.a[lane] = a;
    warp.b[lane] = b;
    warp.c[lane] = c;
    if (arrive(EMU_MMA + kind, 0xffffffffu)) {
        multiply(kind, warp);
        wake();
    } else {
        pause(State::AT_COLLECTIVE);
    }
    return warp.c[lane];
}
