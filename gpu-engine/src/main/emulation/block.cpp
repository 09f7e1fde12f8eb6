// Threads as fibers: a block's threads take turns on one OS thread and give it up only where CUDA lets them
// wait for each other. A barrier or a warp operation that some of them never reach leaves nobody to run,
// which is reported.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "machine.h"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emu {

Block block;
Thread threads[MAX_THREADS];
Warp warps[MAX_THREADS / WARP];
Thread* current = nullptr;
uint64_t now = 1;
alignas(1024) unsigned char shared[MAX_SHARED];

static void (*runningKernel)();
static EmuThunk runningThunk;
static void** runningArgs;
static char message[1024];
static bool hasFailed = false;

#if defined(__x86_64__)
// Saves the callee-saved registers on the old stack and takes them from the new one (System V ABI).
extern "C" void mr_emu_switch(void** saveTo, void* stackPointer);
asm(R"(
.text
.type mr_emu_switch,@function
mr_emu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size mr_emu_switch,.-mr_emu_switch
)");
static void* schedulerStack;
static void enter(Thread& thread) { mr_emu_switch(&schedulerStack, thread.stackPointer); }
static void leave(Thread& thread) { mr_emu_switch(&thread.stackPointer, schedulerStack); }
#else
static ucontext_t schedulerContext;
static ucontext_t contexts[MAX_THREADS];
static void enter(Thread& thread) { swapcontext(&schedulerContext, &contexts[thread.index]); }
static void leave(Thread& thread) { swapcontext(&contexts[thread.index], &schedulerContext); }
#endif

static void threadMain() {
    runningThunk(runningKernel, runningArgs);
    if (!current->open.empty() || !current->groups.empty()) {
        fail("ends with copies by cp.async that nobody waited for");
    }
    if (!current->products.empty() || !current->productGroups.empty()) {
        fail("ends with products by wgmma that nobody waited for");
    }
    block.done++;
    pause(State::DONE);
    abort(); // a finished thread is never resumed
}

static void prepare(Thread& thread) {
    if (thread.stack == nullptr) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        void* memory = mmap(nullptr, STACK_BYTES + page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            perror("mr_emu: no memory for a thread's stack");
            abort();
        }
        mprotect(memory, page, PROT_NONE);
        thread.stack = (unsigned char*)memory + page;
    }
    thread.open.clear();
    thread.groups.clear();
    thread.products.clear();
    thread.productGroups.clear();
    thread.fenced = 0;
    thread.mayMultiply = false;
    thread.state = State::READY;
#if defined(__x86_64__)
    // As if threadMain had just been called: six saved registers, the address to return to, and a stack that
    // is off by 8.
    void** top = (void**)(thread.stack + STACK_BYTES) - 1;
    *--top = (void*)&threadMain;
    top -= 6;
    memset(top, 0, 6 * sizeof(void*));
    thread.stackPointer = top;
#else
    getcontext(&contexts[thread.index]);
    contexts[thread.index].uc_stack = {thread.stack, 0, STACK_BYTES};
    contexts[thread.index].uc_link = nullptr;
    makecontext(&contexts[thread.index], threadMain, 0);
#endif
}

void pause(State state) {
    Thread& self = *current;
    self.state = state;
    leave(self);
}

bool failed() { return hasFailed; }
void clearError() {
    hasFailed = false;
    message[0] = 0;
}

void fail(const char* format, ...) {
    if (!hasFailed) {
        hasFailed = true;
        int n = 0;
        if (current != nullptr) {
            n = snprintf(message, sizeof message, "%s, thread block (%u, %u, %u), thread %d: ", block.kernel,
                         block.place.x, block.place.y, block.place.z, current->index);
        }
        va_list args;
        va_start(args, format);
        vsnprintf(message + n, sizeof message - n, format, args);
        va_end(args);
    }
    if (current != nullptr) {
        pause(State::DONE); // never resumed: the scheduler sees the error and drops the block
        abort();
    }
}

/** Nobody can run: says who waits for whom. */
static void reportStuck() {
    int atBarrier = 0, atCollective = 0, atPhase = 0, first = -1;
    for (int t = 0; t < block.threads; t++) {
        atBarrier += threads[t].state == State::AT_BARRIER;
        atCollective += threads[t].state == State::AT_COLLECTIVE;
        atPhase += threads[t].state == State::AT_PHASE;
        first = first < 0 && threads[t].state != State::DONE ? t : first;
    }
    fail(
        "%s, thread block (%u, %u, %u): stuck; of %d threads %d wait at __syncthreads, %d in a warp "
        "operation that other lanes never "
        "reach, %d for arrivals at an mbarrier, %d have ended; the first that waits is thread %d",
        block.kernel, block.place.x, block.place.y, block.place.z, block.threads, atBarrier, atCollective,
        atPhase, block.done, first);
}

/** Runs the lanes of a warp while any of them can; true if one did. */
static bool runWarp(int warp) {
    bool ran = false;
    for (bool again = true; again && !hasFailed;) {
        again = false;
        for (int t = warp * WARP; t < std::min(block.threads, (warp + 1) * WARP) && !hasFailed; t++) {
            if (threads[t].state == State::READY) {
                current = &threads[t];
                enter(threads[t]);
                current = nullptr;
                again = ran = true;
            }
        }
    }
    return ran;
}

bool runBlock(void (*kernel)(), EmuThunk thunk, void** args) {
    runningKernel = kernel;
    runningThunk = thunk;
    runningArgs = args;
    block.begin = block.lastBarrier = ++now;
    block.waiting = block.done = 0;
    beginHopper();
    memset(shared, 0xff, (size_t)block.sharedBytes);
    for (int t = 0; t < block.threads; t++) {
        threads[t].index = t;
        unsigned x = (unsigned)t % block.dim.x, rest = (unsigned)t / block.dim.x;
        threads[t].place = {x, rest % block.dim.y, rest / block.dim.y};
        prepare(threads[t]);
    }
    for (Warp& warp : warps) {
        warp.arrived = 0;
        warp.lastSync = now;
    }
    while (block.done < block.threads && !hasFailed) {
        bool ran = false;
        for (int w = 0; w * WARP < block.threads && !hasFailed; w++) {
            ran |= runWarp(w);
        }
        if (!ran && !hasFailed) {
            reportStuck();
        }
    }
    return !hasFailed;
}

static void completeBarrier() {
    block.waiting = 0;
    block.lastBarrier = ++now;
    for (int t = 0; t < block.threads; t++) {
        threads[t].state = State::READY;
    }
}

} // namespace emu

using namespace emu;

extern "C" const char* mr_emu_error(void) { return message; }

EmuDim3 emuThreadIdx() { return current->place; }
EmuDim3 emuBlockIdx() { return block.place; }
EmuDim3 emuBlockDim() { return block.dim; }
EmuDim3 emuGridDim() { return block.grid; }
unsigned char* emuSharedMemory() { return shared; }

void __syncthreads() {
    if (++block.waiting == block.threads) {
        completeBarrier();
    } else {
        pause(State::AT_BARRIER);
    }
}
