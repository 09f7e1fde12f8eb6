// Memory that checks itself. The kernels are compiled with -fsanitize=thread, which makes the compiler call a
// function at every load and store; those functions are defined here instead of in the sanitizer's library.
// Global memory: the bytes must lie inside one live allocation. Shared memory: inside the launch's bytes,
// written before read, and never touched by two threads, one of them writing, without a barrier between (of
// the block, or of the warp for two lanes of one).
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "machine.h"

namespace emu {

constexpr size_t RED_ZONE = 256;

struct Allocation {
    const unsigned char* begin;
    const unsigned char* end;
    unsigned char* memory;
    int number;
};
static std::map<const unsigned char*, Allocation> allocations; // by begin
static const Allocation* recent[4];
static int nextRecent = 0, nextNumber = 1;

/** What is known about one byte of shared memory. */
struct Shadow {
    uint64_t written = 0, read = 0,
             readElsewhere = 0; // times; `readElsewhere`: by another warp than the last reader's
    int16_t writer = -1, reader = -1;
    bool manyReaders = false, atomic = false, pending = false, reserved = false;
};
static Shadow shadows[MAX_SHARED];

/** What wgmma read of 16 bytes: how many chains of products read them now, and when each warp group was done. */
struct AsyncReads {
    int now = 0;
    uint64_t done[MAX_THREADS / 128] = {};
};
static AsyncReads asyncReads[MAX_SHARED / 16];

/** [reader][other]: what barriers with counted arrivals told a thread. Times never repeat, so that what earlier
 * blocks left says nothing. */
static uint64_t seen[MAX_THREADS][MAX_THREADS];

static const Allocation* find(const unsigned char* p) {
    for (const Allocation* a : recent) {
        if (a != nullptr && p >= a->begin && p < a->end) {
            return a;
        }
    }
    auto after = allocations.upper_bound(p);
    if (after == allocations.begin()) {
        return nullptr;
    }
    const Allocation& a = std::prev(after)->second;
    if (p >= a.end) {
        return nullptr;
    }
    recent[nextRecent++ & 3] = &a;
    return &a;
}

/** Says where an address lies relative to the allocation before it. */
static void failOutside(const char* what, const unsigned char* p, size_t bytes) {
    auto after = allocations.upper_bound(p);
    if (after == allocations.begin()) {
        fail("%s %zu bytes at %p, which is before every allocation", what, bytes, (const void*)p);
        return;
    }
    const Allocation& a = std::prev(after)->second;
    fail("%s %zu bytes at byte %td of allocation #%d, which has %td bytes", what, bytes, p - a.begin,
         a.number, a.end - a.begin);
}

static void checkGlobal(const unsigned char* p, size_t bytes, Access access) {
    if (bytes > 1 && bytes <= 16 && (uintptr_t)p % bytes != 0) {
        fail("accesses %zu bytes at an address that is not a multiple of that", bytes);
    }
    const Allocation* a = find(p);
    if (a == nullptr || p + bytes > a->end) {
        failOutside(access == Access::READ ? "out of bounds: reads" : "out of bounds: writes", p, bytes);
    }
}

/** When the lanes of the running thread's warp were last ordered. */
static uint64_t lastSyncOfWarp() {
    return std::max(block.lastBarrier, warps[current->index / WARP].lastSync);
}

uint64_t seenBy(int reader, int other) {
    uint64_t until = std::max(block.lastBarrier, seen[reader][other]);
    return other / WARP == reader / WARP ? std::max(until, warps[reader / WARP].lastSync) : until;
}

void noteSeen(int reader, int other, uint64_t until) {
    seen[reader][other] = std::max(seen[reader][other], until);
}

bool orderedFor(int reader, int other, uint64_t time) {
    return other == reader || time < seenBy(reader, other);
}

/** Whether the running thread is ordered behind what `other` did at `time`. */
static bool ordered(int other, uint64_t time) { return orderedFor(current->index, other, time); }

static void checkReserved(const Shadow& s, const unsigned char* p) {
    if (s.reserved) {
        fail("touches byte %td of shared memory, which belongs to an mbarrier", p - shared);
    }
}

static void noteRead(Shadow& s, const unsigned char* p, bool atomic) {
    checkReserved(s, p);
    if (s.pending) {
        fail("reads byte %td of shared memory while a cp.async to it may be under way", p - shared);
    }
    if (s.written < block.begin) {
        fail("reads byte %td of shared memory, which was never written", p - shared);
    }
    if (!(atomic && s.atomic) && !ordered(s.writer, s.written)) {
        fail("data race: reads byte %td of shared memory, which thread %d wrote with no barrier between",
             p - shared, s.writer);
    }
    if (s.read < block.begin) {
        s.readElsewhere = 0;
        s.manyReaders = false;
    } else if (s.reader / WARP != current->index / WARP) {
        s.readElsewhere = s.read;
        s.manyReaders = false;
    } else if (s.read < lastSyncOfWarp()) {
        s.manyReaders = false;
    } else if (s.reader != current->index) {
        s.manyReaders = true;
    }
    s.reader = (int16_t)current->index;
    s.read = now;
}

static void noteWrite(Shadow& s, const unsigned char* p, bool atomic) {
    checkReserved(s, p);
    if (s.pending) {
        fail("writes byte %td of shared memory while a cp.async to it may be under way", p - shared);
    }
    if (s.written >= block.begin && !(atomic && s.atomic) && !ordered(s.writer, s.written)) {
        fail("data race: writes byte %td of shared memory, which thread %d wrote with no barrier between",
             p - shared, s.writer);
    }
    bool readByOther = s.read >= block.begin && !(atomic && s.atomic) &&
                       (!ordered(s.reader, s.read) || s.readElsewhere >= block.lastBarrier ||
                        (s.manyReaders && s.read >= lastSyncOfWarp()));
    if (readByOther) {
        fail(
            "data race: writes byte %td of shared memory, which another thread (last: %d) read with no "
            "barrier between",
            p - shared, s.reader);
    }
    s.writer = (int16_t)current->index;
    s.written = now;
    s.atomic = atomic;
}

/** A write must be ordered behind what wgmma read there: by a barrier at which a thread arrived that had waited. */
static void checkAsyncReads(const unsigned char* p) {
    const AsyncReads& reads = asyncReads[(p - shared) / 16];
    if (reads.now > 0) {
        fail("writes byte %td of shared memory while wgmma may be reading it", p - shared);
    }
    for (int g = 0; g < (block.threads + 127) / 128; g++) {
        bool behind = reads.done[g] < block.lastBarrier;
        for (int t = 128 * g; t < std::min(block.threads, 128 * (g + 1)) && !behind; t++) {
            behind = reads.done[g] < seen[current->index][t];
        }
        if (!behind) {
            fail("data race: writes byte %td of shared memory, which wgmma of warp group %d read with no barrier "
                 "between",
                 p - shared, g);
        }
    }
}

void beginAsyncRead(int chunk) {
    const unsigned char* p = shared + 16 * chunk;
    if (16 * (chunk + 1) > block.sharedBytes) {
        fail("out of bounds: wgmma reads byte %d of shared memory; the launch has %d bytes", 16 * chunk,
             block.sharedBytes);
    }
    int group = current->index / 128 * 128;
    for (int i = 0; i < 16; i++) {
        const Shadow& s = shadows[16 * chunk + i];
        checkReserved(s, p + i);
        if (s.pending || s.written < block.begin) {
            fail("wgmma reads byte %d of shared memory, which %s", 16 * chunk + i,
                 s.pending ? "a cp.async may still write" : "was never written");
        }
        if (i > 0 && s.writer == shadows[16 * chunk + i - 1].writer && s.written == shadows[16 * chunk + i - 1].written) {
            continue;
        }
        for (int t = group; t < group + 128; t += WARP) {
            if (!orderedFor(t, s.writer, s.written)) {
                fail("data race: wgmma reads byte %d of shared memory, which thread %d wrote with no barrier between it "
                     "and thread %d",
                     16 * chunk + i, s.writer, t);
            }
        }
        if (threads[s.writer].fenced <= s.written) {
            fail("wgmma reads byte %d of shared memory, which thread %d wrote with no fence.proxy.async behind it",
                 16 * chunk + i, s.writer);
        }
    }
    asyncReads[chunk].now++;
}

void endAsyncRead(int chunk, uint64_t until) {
    asyncReads[chunk].now--;
    if (until > 0) {
        asyncReads[chunk].done[current->index / 128] = until;
    }
}

void reserveShared(const unsigned char* p, size_t bytes, bool reserved) {
    for (size_t i = 0; i < bytes; i++) {
        shadows[p - shared + i].reserved = reserved;
    }
}

void checkShared(const unsigned char* p, size_t bytes, Access access) {
    if (p < shared || p + bytes > shared + block.sharedBytes) {
        fail("out of bounds: byte %td of shared memory, %zu bytes; the launch has %d bytes", p - shared,
             bytes, block.sharedBytes);
    }
    if (bytes > 1 && bytes <= 16 && (size_t)(p - shared) % bytes != 0) {
        fail("accesses %zu bytes at byte %td of shared memory, which is not a multiple of that", bytes,
             p - shared);
    }
    if (access != Access::READ) {
        checkAsyncReads(p);
    }
    for (size_t i = 0; i < bytes; i++) {
        Shadow& s = shadows[p - shared + i];
        if (access != Access::WRITE) {
            noteRead(s, p + i, access == Access::ATOMIC);
        }
        if (access != Access::READ) {
            noteWrite(s, p + i, access == Access::ATOMIC);
        }
    }
}

void markPending(const unsigned char* p, size_t bytes, bool pending) {
    for (size_t i = 0; i < bytes; i++) {
        shadows[p - shared + i].pending = pending;
    }
}

/** A block that failed may have left copies under way. */
void forgetPending() {
    for (Shadow& s : shadows) {
        s.pending = false;
    }
}

void checkAccess(const void* address, size_t bytes, Access access) {
    const unsigned char* p = static_cast<const unsigned char*>(address);
    if (current == nullptr || (p >= current->stack && p < current->stack + STACK_BYTES)) {
        return; // the host's own code, or a local variable
    }
    if (isShared(p)) {
        checkShared(p, bytes, access);
    } else {
        checkGlobal(p, bytes, access);
    }
}

bool checkRange(const void* address, size_t bytes) {
    const unsigned char* p = static_cast<const unsigned char*>(address);
    const Allocation* a = find(p);
    if (a == nullptr || p + bytes > a->end) {
        failOutside("a reference product: touches", p, bytes);
        return false;
    }
    return true;
}

/** For copies by the host: a pointer into an allocation must stay in it; any other is host memory. */
static bool fits(const void* pointer, long long bytes) {
    const unsigned char* p = static_cast<const unsigned char*>(pointer);
    const Allocation* a = find(p);
    if (a != nullptr && p + bytes > a->end) {
        failOutside("mr_emu_memcpy or mr_emu_memset: touches", p, (size_t)bytes);
        return false;
    }
    return true;
}

} // namespace emu

using namespace emu;

extern "C" void* mr_emu_alloc(long long bytes) {
    clearError();
    size_t size = (size_t)std::max(bytes, 1LL);
    void* memory = nullptr;
    if (bytes < 0 || posix_memalign(&memory, 256, (size + 255) / 256 * 256 + 2 * RED_ZONE) != 0) {
        fail("no memory for %lld bytes", bytes);
        return nullptr;
    }
    unsigned char* begin = static_cast<unsigned char*>(memory) + RED_ZONE;
    memset(begin, 0xff, size);
    allocations[begin] = {begin, begin + size, static_cast<unsigned char*>(memory), nextNumber++};
    return begin;
}

extern "C" int mr_emu_free(void* pointer) {
    clearError();
    auto found = allocations.find(static_cast<unsigned char*>(pointer));
    if (found == allocations.end()) {
        fail("mr_emu_free of %p, which is not the begin of a live allocation", pointer);
        return 1;
    }
    memset(recent, 0, sizeof recent);
    free(found->second.memory);
    allocations.erase(found);
    return 0;
}

extern "C" int mr_emu_memcpy(void* to, const void* from, long long bytes) {
    clearError();
    if (!fits(to, bytes) || !fits(from, bytes)) {
        return 1;
    }
    memmove(to, from, (size_t)bytes);
    return 0;
}

extern "C" int mr_emu_memset(void* to, int value, long long bytes) {
    clearError();
    if (!fits(to, bytes)) {
        return 1;
    }
    memset(to, value, (size_t)bytes);
    return 0;
}

template <typename T>
static T addAtomically(T* address, T value) {
    checkAccess(address, sizeof(T), Access::ATOMIC);
    T old = *address;
    *address = old + value;
    return old;
}
int atomicAdd(int* address, int value) { return addAtomically(address, value); }
unsigned long long atomicAdd(unsigned long long* address, unsigned long long value) {
    return addAtomically(address, value);
}

void emuAsyncCopy16(void* to, const void* from, int bytes) {
    unsigned char* target = static_cast<unsigned char*>(to);
    if (!isShared(target)) {
        fail("cp.async to an address that is not in shared memory");
    }
    checkShared(target, 16, Access::WRITE);
    if (bytes > 0) {
        if ((uintptr_t)from % 16 != 0) {
            fail("cp.async from an address that is not a multiple of 16");
        }
        checkGlobal(static_cast<const unsigned char*>(from), (size_t)bytes, Access::READ);
    }
    markPending(target, 16, true);
    current->open.push_back({target, static_cast<const unsigned char*>(from), bytes});
}

void emuAsyncCommit() {
    current->groups.push_back(std::move(current->open));
    current->open.clear();
}

void emuAsyncWait(int groupsLeft) {
    auto& groups = current->groups;
    while ((int)groups.size() > groupsLeft) {
        for (const AsyncCopy& copy : groups.front()) {
            markPending(copy.to, 16, false);
            memset(copy.to, 0, 16);
            if (copy.bytes > 0) {
                memcpy(copy.to, copy.from, (size_t)copy.bytes);
            }
            for (int i = 0; i < 16; i++) {
                shadows[copy.to - shared + i].written = now; // it lands now: others need a barrier from here
            }
        }
        groups.erase(groups.begin());
    }
}

extern "C" {
#define EMU_ACCESS(bytes)                                                                 \
    void __tsan_read##bytes(void* p) { checkAccess(p, bytes, Access::READ); }             \
    void __tsan_write##bytes(void* p) { checkAccess(p, bytes, Access::WRITE); }           \
    void __tsan_unaligned_read##bytes(void* p) { checkAccess(p, bytes, Access::READ); }   \
    void __tsan_unaligned_write##bytes(void* p) { checkAccess(p, bytes, Access::WRITE); } \
    void __tsan_volatile_read##bytes(void* p) { checkAccess(p, bytes, Access::READ); }    \
    void __tsan_volatile_write##bytes(void* p) { checkAccess(p, bytes, Access::WRITE); }
EMU_ACCESS(1)
EMU_ACCESS(2)
EMU_ACCESS(4)
EMU_ACCESS(8)
EMU_ACCESS(16)
void __tsan_read_range(void* p, size_t bytes) { checkAccess(p, bytes, Access::READ); }
void __tsan_write_range(void* p, size_t bytes) { checkAccess(p, bytes, Access::WRITE); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void) {}
void __tsan_init(void) {}
}
