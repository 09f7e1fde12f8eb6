// Hopper's own instructions: products of a warp group (four warps) whose operands lie in shared memory, and barriers that count
// arrivals. PTX manual, "Asynchronous warpgroup level matrix instructions" and "mbarrier"; sm_90a alone, and the emulation.
//
// Operands lie in tiles of 64 columns of 16-bit numbers, 128 bytes a row, whose 16-byte chunks are permuted by row so that eight
// rows lie in different banks ("128-byte swizzling"): tileByte. A tile begins at a multiple of 1024 bytes.
#pragma once
#include "mma.cuh"

#if defined(MR_EMULATE) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define MR_HOPPER 1

/** Where 16-byte chunk 0 .. 7 of a row lies in its tile. */
__device__ __forceinline__ int tileByte(int row, int chunk) { return row * 128 + (chunk ^ (row & 7)) * 16; }

/** Describes a tile to wgmma. Strides in bytes: `group` between groups of eight rows; `half` between tiles of 64 columns, of
 * operands that are read across their rows. */
__device__ __forceinline__ u64 tileDescriptor(const void* tile, int half, int group) {
#ifdef MR_EMULATE
    unsigned at = (unsigned)((const unsigned char*)tile - emuSharedMemory());
#else
    unsigned at = (unsigned)__cvta_generic_to_shared(tile);
#endif
    return (u64)(at >> 4 & 0x3fff) | (u64)(half >> 4) << 16 | (u64)(group >> 4) << 32 | 1ull << 62;
}

/** The same tile from `bytes` on. */
__device__ __forceinline__ u64 movedBy(u64 descriptor, int bytes) { return descriptor + (u64)(bytes >> 4); }

// ---- barriers of 8 bytes in shared memory

__device__ __forceinline__ void barrierInit(u64* barrier, int arrivals) {
#ifdef MR_EMULATE
    emuBarrierInit(barrier, arrivals);
#else
    unsigned at = (unsigned)__cvta_generic_to_shared(barrier);
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(at), "r"(arrivals) : "memory");
#endif
}

/** Releases what this thread did before. */
__device__ __forceinline__ void barrierArrive(u64* barrier) {
#ifdef MR_EMULATE
    emuBarrierArrive(barrier);
#else
    unsigned at = (unsigned)__cvta_generic_to_shared(barrier);
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(at) : "memory");
#endif
}

/** Waits for the end of the phase of this parity; a new barrier is in phase 0, so that parity 1 does not wait. */
__device__ __forceinline__ void barrierWait(u64* barrier, int parity) {
#ifdef MR_EMULATE
    emuBarrierWait(barrier, parity);
#else
    unsigned at = (unsigned)__cvta_generic_to_shared(barrier), ended = 0;
    while (ended == 0) {
        asm volatile(
            "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
            : "=r"(ended)
            : "r"(at), "r"(parity)
            : "memory");
    }
#endif
}

/** Makes this thread's ordinary stores to shared memory visible to wgmma, for whoever it then synchronises with. */
__device__ __forceinline__ void fenceForWgmma() {
#ifdef MR_EMULATE
    emuFenceAsync();
#else
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// ---- registers: what one role of a block gives up, another gets

template <int COUNT>
__device__ __forceinline__ void registersDown() {
#ifndef MR_EMULATE
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(COUNT));
#endif
}
template <int COUNT>
__device__ __forceinline__ void registersUp() {
#ifndef MR_EMULATE
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(COUNT));
#endif
}

// ---- products

/** Before the first product, and before one whose registers were touched since. */
__device__ __forceinline__ void wgmmaFence() {
#ifdef MR_EMULATE
    emuWgmmaFence();
#else
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

__device__ __forceinline__ void wgmmaCommit() {
#ifdef MR_EMULATE
    emuWgmmaCommit();
#else
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

/** Until then the accumulators hold nothing, and shared operands must stay. */
template <int LEFT>
__device__ __forceinline__ void wgmmaWait() {
#ifdef MR_EMULATE
    emuWgmmaWait(LEFT);
#else
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(LEFT) : "memory");
#endif
}

#ifndef MR_EMULATE
#define MR_C4(c, i) "+f"(c[i].x), "+f"(c[i].y), "+f"(c[i].z), "+f"(c[i].w)
#define MR_C32(c, i)                                                                                     \
    MR_C4(c, i), MR_C4(c, i + 1), MR_C4(c, i + 2), MR_C4(c, i + 3), MR_C4(c, i + 4), MR_C4(c, i + 5), \
        MR_C4(c, i + 6), MR_C4(c, i + 7)
#define MR_N32                                                                                           \
    "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26," \
    "%27,%28,%29,%30,%31"
#define MR_N64                                                                                           \
    MR_N32                                                                                               \
    ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,"  \
    "%56,%57,%58,%59,%60,%61,%62,%63"
#define MR_SHARED_BY_SHARED(type, c, a, b, add)                                                          \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\nwgmma.mma_async.sync.aligned.m64n128k16.f32." \
                 type "." type " " MR_N64 "}, %64, %65, p, 1, 1, 0, 0;\n}"                               \
                 : MR_C32(c, 0), MR_C32(c, 8)                                                            \
                 : "l"(a), "l"(b), "r"(add))
#define MR_SHARED_BY_SHARED_E4M3(c, a, b, add)                                                           \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\nwgmma.mma_async.sync.aligned.m64n128k32.f32." \
                 "e4m3.e4m3 " MR_N64 "}, %64, %65, p, 1, 1;\n}"                                          \
                 : MR_C32(c, 0), MR_C32(c, 8)                                                            \
                 : "l"(a), "l"(b), "r"(add))
#define MR_REGISTERS_BY_SHARED_N128(type, c, a, b)                                                       \
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32." type "." type " " MR_N64                 \
                 "}, {%64,%65,%66,%67}, %68, 1, 1, 1, 1;"                                                \
                 : MR_C32(c, 0), MR_C32(c, 8)                                                            \
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "l"(b))
#define MR_REGISTERS_BY_SHARED_N64(type, c, a, b)                                                        \
    asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type " " MR_N32                  \
                 "}, {%32,%33,%34,%35}, %36, 1, 1, 1, 1;"                                                \
                 : MR_C32(c, 0)                                                                          \
                 : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "l"(b))
#endif

/** c [64, 128] = a bᵀ, + c with `add`: rows of a [64, 16] and b [128, 16] lie in tiles. F16 or BF16. */
template <bool F16>
__device__ __forceinline__ void wgmmaRows(float4* c, u64 a, u64 b, int add) {
#ifdef MR_EMULATE
    emuWgmma({F16 ? EMU_MMA_F16_K16 : EMU_MMA_BF16_K16, 128, false, add != 0}, c, a, {}, b);
#else
    if (F16) {
        MR_SHARED_BY_SHARED("f16", c, a, b, add);
    } else {
        MR_SHARED_BY_SHARED("bf16", c, a, b, add);
    }
#endif
}

/** The same in E4M3: rows of a [64, 32] and b [128, 32]; a tile's rows are 128 numbers. */
__device__ __forceinline__ void wgmmaRowsE4m3(float4* c, u64 a, u64 b, int add) {
#ifdef MR_EMULATE
    emuWgmma({EMU_MMA_E4M3_K32, 128, false, add != 0}, c, a, {}, b);
#else
    MR_SHARED_BY_SHARED_E4M3(c, a, b, add);
#endif
}

/** c [64, N] += a b: a [64, 16] in registers, in the fragments of mma.m16n8k16 by warp; 16 rows of b lie in tiles. */
template <bool F16, int N>
__device__ __forceinline__ void wgmmaColumns(float4* c, uint4 a, u64 b) {
#ifdef MR_EMULATE
    emuWgmma({F16 ? EMU_MMA_F16_K16 : EMU_MMA_BF16_K16, N, true, true}, c, 0, a, b);
#else
    if (F16 && N == 128) {
        MR_REGISTERS_BY_SHARED_N128("f16", c, a, b);
    } else if (N == 128) {
        MR_REGISTERS_BY_SHARED_N128("bf16", c, a, b);
    } else if (F16) {
        MR_REGISTERS_BY_SHARED_N64("f16", c, a, b);
    } else {
        MR_REGISTERS_BY_SHARED_N64("bf16", c, a, b);
    }
#endif
}
#endif
