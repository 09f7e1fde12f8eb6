// What a .cu file sees instead of nvcc's built-ins when it is compiled by a host compiler with -DMR_EMULATE.
// Only what the kernels use exists here; anything else is a compile error, not a silent difference.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)

using std::max;
using std::min;

struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

struct EmuDim3 {
    unsigned x, y, z;
};
// A thread's place never changes during its life, so the compiler may ask once.
EmuDim3 emuThreadIdx() __attribute__((const));
EmuDim3 emuBlockIdx() __attribute__((const));
EmuDim3 emuBlockDim() __attribute__((const));
EmuDim3 emuGridDim() __attribute__((const));
#define threadIdx (emuThreadIdx())
#define blockIdx (emuBlockIdx())
#define blockDim (emuBlockDim())
#define gridDim (emuGridDim())

/** The block's dynamic shared memory. */
unsigned char* emuSharedMemory() __attribute__((const));

void __syncthreads();
void __syncwarp(unsigned mask = 0xffffffffu);

enum EmuCollective { EMU_SYNC_WARP, EMU_SHUFFLE, EMU_BALLOT, EMU_LDMATRIX, EMU_MMA };

/** Gives `value` to the warp and returns what lane `source` gave; the caller's own value if `source` is no
 * lane. */
uint64_t emuShuffle(unsigned mask, uint64_t value, int source);
unsigned __ballot_sync(unsigned mask, int predicate);

template <typename T>
inline T emuShuffleOf(unsigned mask, T value, int source) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    uint64_t bits = 0;
    __builtin_memcpy(&bits, &value, sizeof(T));
    bits = emuShuffle(mask, bits, source);
    __builtin_memcpy(&value, &bits, sizeof(T));
    return value;
}

inline int emuLane() { return (int)(threadIdx.x & 31); }
template <typename T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    return emuShuffleOf(mask, value, (emuLane() & ~(width - 1)) | (source & (width - 1)));
}
template <typename T>
inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
    int source = emuLane() ^ bits;
    return emuShuffleOf(mask, value, source / width == emuLane() / width ? source : -1);
}
template <typename T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int inside = emuLane() & (width - 1);
    return emuShuffleOf(mask, value, inside >= (int)delta ? emuLane() - (int)delta : -1);
}
template <typename T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int inside = emuLane() & (width - 1);
    return emuShuffleOf(mask, value, inside + (int)delta < width ? emuLane() + (int)delta : -1);
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }

int atomicAdd(int* address, int value);
unsigned long long atomicAdd(unsigned long long* address, unsigned long long value);

/** cp.async of 16 bytes; `bytes` below 16 fills the rest with zeros. Lands when its group is waited for. */
void emuAsyncCopy16(void* shared, const void* global, int bytes);
void emuAsyncCommit();
void emuAsyncWait(int groupsLeft);

/** ldmatrix of four 8x8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
 */
uint4 emuLdmatrix4(const void* row, int transposed);
enum EmuMma { EMU_MMA_F16_K16, EMU_MMA_BF16_K16, EMU_MMA_E4M3_K32 };
/** mma.sync m16n8: four words of A, two of B, four F32 accumulators. */
float4 emuMma(int kind, uint4 a, uint2 b, float4 c);

/** mbarrier: a phase ends with the last of its arrivals; parity is the phase's that is waited for. */
void emuBarrierInit(void* barrier, int arrivals);
void emuBarrierArrive(void* barrier);
void emuBarrierWait(void* barrier, int parity);
/** fence.proxy.async: ordinary stores before it become visible to wgmma. */
void emuFenceAsync();

/** wgmma m64nNk16 of a warp group: left operand by descriptor, or `columns`: from registers, the right one then
 * read across its rows. */
struct EmuProduct {
    int kind, n;
    int columns, add;
};
void emuWgmmaFence();
void emuWgmma(EmuProduct what, float4* c, unsigned long long a, uint4 words, unsigned long long b);
void emuWgmmaCommit();
void emuWgmmaWait(int groupsLeft);

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline unsigned __float_as_uint(float x) {
    unsigned u;
    __builtin_memcpy(&u, &x, 4);
    return u;
}
inline float __uint_as_float(unsigned u) {
    float x;
    __builtin_memcpy(&x, &u, 4);
    return x;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
    uint64_t both = ((uint64_t)y << 32) | x;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        result |= (unsigned)((both >> (8 * ((selector >> (4 * i)) & 7))) & 0xff) << (8 * i);
    }
    return result;
}

/** Makes a kernel known by name to mr_emu_launch. */
typedef void (*EmuThunk)(void (*kernel)(), void** args);
struct EmuRegistration {
    EmuRegistration(const char* name, void (*kernel)(), EmuThunk thunk, const int* parameterBytes, int parameters);
};
template <typename... A>
struct EmuSignature {
    static constexpr int bytes[] = {(int)sizeof(A)...};
    static void call(void (*kernel)(), void** args) {
        call(kernel, args, std::make_index_sequence<sizeof...(A)>());
    }
    template <size_t... I>
    __attribute__((no_sanitize("thread"))) // the arguments are the host's memory
    static void call(void (*kernel)(), void** args, std::index_sequence<I...>) {
        (void)args;
        reinterpret_cast<void (*)(A...)>(kernel)(*static_cast<std::remove_reference_t<A>*>(args[I])...);
    }
};
template <typename... A>
EmuRegistration emuRegister(const char* name, void (*kernel)(A...)) {
    return EmuRegistration(name, reinterpret_cast<void (*)()>(kernel), &EmuSignature<A...>::call,
                           EmuSignature<A...>::bytes, (int)sizeof...(A));
}
#define MR_KERNEL(name) static const EmuRegistration emuRegistered_##name = emuRegister(#name, name);
