// The emulated machine's parts, shared by the files of the emulation. One launch at a time, on the caller's
// OS thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda_emulation.h"

namespace emu {

constexpr int WARP = 32;
constexpr int MAX_THREADS = 1024;
constexpr int MAX_SHARED = 227 * 1024;
constexpr size_t STACK_BYTES = 128 * 1024;

enum class State { READY, AT_BARRIER, AT_COLLECTIVE, AT_PHASE, DONE };

struct AsyncCopy {
    unsigned char* to;
    const unsigned char* from;
    int bytes;
};

/** One CUDA thread: a fiber with a stack of its own. */
struct Thread {
    void* stackPointer = nullptr;
    unsigned char* stack = nullptr; // lowest usable byte; a guard page lies below
    int index = 0;
    EmuDim3 place{};
    State state = State::DONE;
    std::vector<AsyncCopy> open;                // issued, not yet in a group
    std::vector<std::vector<AsyncCopy>> groups; // committed, not yet waited for
    const void* awaited = nullptr;              // the barrier of State::AT_PHASE
    uint64_t fenced = 0;                        // its stores before then are visible to wgmma
    bool mayMultiply = false;                   // wgmma.fence, and no wait since
    std::vector<const float4*> products;        // wgmma issued and not yet in a group, by their accumulators
    std::vector<std::vector<const float4*>> productGroups;
};

/** What the lanes of a warp have brought to the operation they are meeting in. */
struct Warp {
    unsigned arrived = 0, mask = 0;
    int kind = 0;
    unsigned turn = 0;
    uint64_t values[2][WARP]; // two turns: a lane may be in the next operation while another still reads this
                              // one's result
    uint4 a[WARP];
    uint2 b[WARP];
    float4 c[WARP];
    const unsigned char* rows[WARP];
    uint64_t lastSync = 0;
};

struct Block {
    EmuDim3 grid, dim, place;
    int threads = 0;
    int sharedBytes = 0;
    int waiting = 0, done = 0;
    uint64_t begin = 0, lastBarrier = 0;
    const char* kernel = "";
};

extern Block block;
extern Thread threads[MAX_THREADS];
extern Warp warps[MAX_THREADS / WARP];
extern Thread* current; // null outside of kernels
extern uint64_t now;    // counts synchronisations; orders accesses to shared memory
extern unsigned char shared[MAX_SHARED];

/** Notes the error and ends the launch; does not return when called from a kernel. */
void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
bool failed();
void clearError();

/** Runs the kernel for one thread block; false if it failed. */
bool runBlock(void (*kernel)(), EmuThunk thunk, void** args);
/** Gives the processor to the scheduler until this thread is READY again. */
void pause(State state);

enum class Access { READ, WRITE, ATOMIC };
/** Every load and store of a kernel passes here. */
void checkAccess(const void* address, size_t bytes, Access access);
/** Whether device memory holds these bytes; notes the error if not. For code that is no kernel. */
bool checkRange(const void* address, size_t bytes);
void checkShared(const unsigned char* address, size_t bytes, Access access);
/** What a thread did before `time` is ordered before what `reader` does now. */
bool orderedFor(int reader, int other, uint64_t time);
/** Until when `reader` is behind what `other` did; noteSeen adds what a barrier brought. */
uint64_t seenBy(int reader, int other);
void noteSeen(int reader, int other, uint64_t until);
/** wgmma reads 16 bytes of shared memory from now until the end, which is at time `until`; 0: it was dropped. */
void beginAsyncRead(int chunk);
void endAsyncRead(int chunk, uint64_t until);
/** Bytes that only barrier operations may touch. */
void reserveShared(const unsigned char* address, size_t bytes, bool reserved);
void markPending(const unsigned char* address, size_t bytes, bool pending);
/** Forgets the barriers and products of the block before. */
void beginHopper();
inline bool isShared(const void* p) { return p >= shared && p < shared + MAX_SHARED; }

} // namespace emu
