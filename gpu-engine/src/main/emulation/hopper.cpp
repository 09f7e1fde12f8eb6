// What Hopper adds: barriers that count arrivals (mbarrier), and products of a warp group with operands in shared
// memory (wgmma). A product is computed when the last of its 128 threads arrives; its accumulators hold NaN until
// a thread waits, and what it read must not be written before all of them have. Layouts: PTX manual, "Matrix
// descriptor", "Strides", "Register fragments for wgmma.mma_async.m64nNk16".
#include <cmath>
#include <cstring>
#include <map>

#include "machine.h"
#include "numbers.h"

namespace emu {

constexpr int GROUP = 128, ROWS = 64, DEPTH_MOST = 32, COLUMNS_MOST = 256;

struct Barrier {
    int count = 0, missing = 0;
    unsigned phase = 0;
    int maker = 0;
    uint64_t made = 0;
    std::vector<uint64_t> open, closed; // by thread: what an arrival brought, of this phase and of those before
};
static std::map<const void*, Barrier> barriers;

/** Accumulators on their way: what a chain of products adds up, until all threads have waited for it. */
struct Chain {
    std::vector<float> sums; // [ROWS][columns]
    int columns = 0, waited = 0;
    float4* registers[GROUP] = {};
    std::vector<int> chunks; // 16-byte pieces of shared memory that were read
};
struct Arrival {
    EmuProduct what;
    float4* c;
    uint64_t a, b;
    uint4 words;
};
struct Group {
    int arrived = 0;
    Arrival arrivals[GROUP];
    std::map<const float4*, Chain> chains; // by the first thread's accumulators
};
static Group groups[MAX_THREADS / GROUP];

static Group& groupOf(const Thread& thread) { return groups[thread.index / GROUP]; }

void beginHopper() {
    for (auto& [place, barrier] : barriers) {
        reserveShared(static_cast<const unsigned char*>(place), 8, false);
    }
    barriers.clear();
    for (Group& group : groups) {
        group.arrived = 0;
        for (auto& [c, chain] : group.chains) {
            for (int chunk : chain.chunks) {
                endAsyncRead(chunk, 0);
            }
        }
        group.chains.clear();
    }
}

static Barrier& barrierAt(const void* place) {
    auto found = barriers.find(place);
    if (found == barriers.end()) {
        fail("uses a barrier that was not initialised");
    }
    Barrier& barrier = found->second;
    if (!orderedFor(current->index, barrier.maker, barrier.made)) {
        fail("uses a barrier that thread %d initialises, with no barrier between", barrier.maker);
    }
    return barrier;
}

static bool isPast(const Barrier& barrier, int parity) { return (int)(barrier.phase & 1) != parity; }

// ---- products

/** A product takes 32 bytes of k: as many numbers. */
static int depthOf(const EmuProduct& what) { return what.kind == EMU_MMA_E4M3_K32 ? 32 : 16; }

/** Where element (row, k) of an operand lies; rows of the right operand are columns of the result. */
static int byteOf(uint64_t descriptor, bool columns, int row, int k, int bytes) {
    int start = (int)(descriptor & 0x3fff) << 4, half = (int)(descriptor >> 16 & 0x3fff) << 4,
        group = (int)(descriptor >> 32 & 0x3fff) << 4;
    int plain = columns ? start + row / 64 * half + row % 64 * 2 + k / 8 * group + k % 8 * 128
                        : start + row / 8 * group + row % 8 * 128 + k * bytes;
    return plain ^ (plain >> 3 & 0x70);
}

static void checkDescriptor(uint64_t descriptor) {
    if (descriptor >> 62 != 1) {
        fail("wgmma of an operand that is not swizzled by 128 bytes");
    }
    if ((descriptor << 4 & 0x380) != 0) {
        fail("wgmma of a tile that does not begin at a multiple of 1024 bytes");
    }
}

/** Reads rows of an operand as [row][depth], or for the right one [depth][row], and checks each 16 bytes once. */
static void readOperand(const EmuProduct& what, uint64_t descriptor, int rows, bool right, Chain& chain,
                        float* to) {
    checkDescriptor(descriptor);
    int last = -1, depth = depthOf(what), bytes = 32 / depth;
    for (int i = 0; i < rows * depth; i++) {
        bool columns = right && what.columns;
        int row = columns ? i % rows : i / depth, k = columns ? i / rows : i % depth;
        int at = byteOf(descriptor, columns, row, k, bytes);
        if (at / 16 != last) {
            last = at / 16;
            beginAsyncRead(last);
            chain.chunks.push_back(last);
        }
        uint16_t bits = 0;
        memcpy(&bits, shared + at, (size_t)bytes);
        to[right ? k * rows + row : row * depth + k] = what.kind == EMU_MMA_E4M3_K32  ? fromE4m3((uint8_t)bits)
                                                       : what.kind == EMU_MMA_F16_K16 ? fromF16(bits)
                                                                                      : fromBf16(bits);
    }
}

/** The left operand from registers: the fragments of mma.m16n8k16, a warp's 16 rows each. */
static void readRegisters(const Group& group, float* to) {
    for (int t = 0; t < GROUP; t++) {
        const uint4& v = group.arrivals[t].words;
        const unsigned words[4] = {v.x, v.y, v.z, v.w};
        for (int w = 0; w < 8; w++) {
            int row = 16 * (t / 32) + t % 32 / 4 + 8 * (w / 2 % 2), k = 2 * (t % 4) + w % 2 + 8 * (w / 4);
            uint16_t bits = (uint16_t)(words[w / 2] >> 16 * (w % 2));
            bool f16 = group.arrivals[t].what.kind == EMU_MMA_F16_K16;
            to[row * depthOf(group.arrivals[t].what) + k] = f16 ? fromF16(bits) : fromBf16(bits);
        }
    }
}

/** The accumulator of thread t at place i of its registers. */
static float& sumOf(Chain& chain, int t, int i) {
    int row = 16 * (t / 32) + t % 32 / 4 + 8 * (i / 2 % 2), column = 8 * (i / 4) + 2 * (t % 4) + i % 2;
    return chain.sums[(size_t)(row * chain.columns + column)];
}

static Chain& chainOf(Group& group, const EmuProduct& what) {
    Chain& chain = group.chains[group.arrivals[0].c];
    bool isNew = chain.columns == 0;
    if (!isNew && chain.columns != what.n) {
        fail("wgmma of %d columns into accumulators of %d that are on their way", what.n, chain.columns);
    }
    chain.columns = what.n;
    chain.sums.resize((size_t)(ROWS * what.n));
    for (int t = 0; t < GROUP; t++) {
        chain.registers[t] = group.arrivals[t].c;
        for (int i = 0; i < what.n / 2; i++) {
            float& register_ = (&chain.registers[t]->x)[i];
            if (isNew || !what.add) {
                sumOf(chain, t, i) = what.add ? register_ : 0.0f;
            }
            register_ = NAN;
        }
    }
    return chain;
}

static void multiply(Group& group) {
    static float a[ROWS * DEPTH_MOST], b[DEPTH_MOST * COLUMNS_MOST];
    const Arrival& first = group.arrivals[0];
    EmuProduct what = first.what;
    int depth = depthOf(what);
    if (what.columns && depth != 16) {
        fail("wgmma of 8-bit numbers across rows, or from registers");
    }
    for (const Arrival& other : group.arrivals) {
        if (memcmp(&other.what, &what, sizeof what) != 0 || other.a != first.a || other.b != first.b) {
            fail("wgmma whose threads do not agree on the operation or its operands");
        }
    }
    Chain& chain = chainOf(group, what);
    if (what.columns) {
        readRegisters(group, a);
    } else {
        readOperand(what, first.a, ROWS, false, chain, a);
    }
    readOperand(what, first.b, what.n, true, chain, b);
    for (int row = 0; row < ROWS; row++) {
        float* sums = &chain.sums[(size_t)(row * what.n)];
        for (int k = 0; k < depth; k++) {
            float x = a[row * depth + k];
            const float* y = b + k * what.n;
            for (int column = 0; column < what.n; column++) {
                sums[column] += x * y[column];
            }
        }
    }
}

/** Gives a thread the accumulators that it waited for. */
static void deliver(Group& group, const float4* own) {
    int t = current->index % GROUP;
    auto found = group.chains.begin();
    while (found != group.chains.end() && found->second.registers[t] != own) {
        found++;
    }
    if (found == group.chains.end()) {
        return; // an earlier product of the same chain brought them
    }
    Chain& chain = found->second;
    for (int i = 0; i < chain.columns / 2; i++) {
        (&chain.registers[t]->x)[i] = sumOf(chain, t, i);
    }
    if (++chain.waited == GROUP) {
        now++;
        for (int chunk : chain.chunks) {
            endAsyncRead(chunk, now);
        }
        now++;
        group.chains.erase(found);
    }
}

} // namespace emu

using namespace emu;

void emuBarrierInit(void* place, int arrivals) {
    const unsigned char* p = static_cast<const unsigned char*>(place);
    if (!isShared(p) || arrivals < 1) {
        fail("initialises a barrier of %d arrivals, or one outside of shared memory", arrivals);
    }
    checkShared(p, 8, Access::WRITE);
    reserveShared(p, 8, true);
    Barrier& barrier = barriers[place];
    barrier.count = barrier.missing = arrivals;
    barrier.maker = current->index;
    barrier.made = now;
    barrier.open.assign((size_t)block.threads, 0);
    barrier.closed = barrier.open;
}

void emuBarrierArrive(void* place) {
    Barrier& barrier = barrierAt(place);
    now++;
    for (int t = 0; t < block.threads; t++) {
        uint64_t known = t == current->index ? now : seenBy(current->index, t);
        barrier.open[(size_t)t] = std::max(barrier.open[(size_t)t], known);
    }
    if (--barrier.missing > 0) {
        return;
    }
    barrier.missing = barrier.count;
    barrier.phase++;
    barrier.closed = barrier.open;
    for (int t = 0; t < block.threads; t++) {
        if (threads[t].state == State::AT_PHASE && threads[t].awaited == place) {
            threads[t].state = State::READY;
        }
    }
}

void emuBarrierWait(void* place, int parity) {
    Barrier& barrier = barrierAt(place);
    while (!isPast(barrier, parity)) {
        current->awaited = place;
        pause(State::AT_PHASE);
    }
    for (int t = 0; t < block.threads; t++) {
        noteSeen(current->index, t, barrier.closed[(size_t)t]);
    }
}

void emuFenceAsync() { current->fenced = ++now; }
void emuWgmmaFence() { current->mayMultiply = true; }

void emuWgmma(EmuProduct what, float4* c, unsigned long long a, uint4 words, unsigned long long b) {
    if (!current->mayMultiply) {
        fail("wgmma with no wgmma.fence since its registers were last touched");
    }
    Group& group = groupOf(*current);
    group.arrivals[current->index % GROUP] = {what, c, a, b, words};
    int first = current->index - current->index % GROUP;
    if (++group.arrived < GROUP) {
        pause(State::AT_COLLECTIVE);
    } else {
        group.arrived = 0;
        multiply(group);
        for (int t = first; t < first + GROUP; t++) {
            threads[t].state = State::READY;
        }
    }
    current->products.push_back(c);
}

void emuWgmmaCommit() {
    current->productGroups.push_back(std::move(current->products));
    current->products.clear();
}

void emuWgmmaWait(int groupsLeft) {
    current->mayMultiply = false;
    auto& waiting = current->productGroups;
    while ((int)waiting.size() > groupsLeft) {
        const float4* last = nullptr;
        for (const float4* own : waiting.front()) {
            if (own != last) {
                deliver(groupOf(*current), own);
            }
            last = own;
        }
        waiting.erase(waiting.begin());
    }
}
