// Tensor-core tiles and asynchronous copies: the instructions, and under MR_EMULATE the same from the
// emulation. Fragment layouts: PTX manual, "Matrix fragments for mma.m16n8k16" and "... m16n8k32".
#pragma once
#include "common.cuh"

/** 16 bytes from global to shared memory, both aligned to 16; zeros instead if not `valid`. */
__device__ __forceinline__ void asyncCopy16(void* to, const void* from, bool valid) {
#ifdef MR_EMULATE
    emuAsyncCopy16(to, from, valid ? 16 : 0);
#else
    unsigned shared = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(from), "r"(valid ? 16 : 0)
                 : "memory");
#endif
}

/** Closes the group of the copies issued since the last one; groups land in order. */
__device__ __forceinline__ void asyncCommit() {
#ifdef MR_EMULATE
    emuAsyncCommit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/** Waits until at most LEFT groups of this thread are under way. Other threads see them only behind a
 * barrier. */
template <int LEFT>
__device__ __forceinline__ void asyncWait() {
#ifdef MR_EMULATE
    emuAsyncWait(LEFT);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
#endif
}

/** Four 8x8 matrices of 16-bit elements; lane l passes row l % 8 of matrix l / 8. */
__device__ __forceinline__ uint4 ldmatrix4(const void* row) {
#ifdef MR_EMULATE
    return emuLdmatrix4(row, 0);
#else
    uint4 m;
    unsigned shared = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m.x), "=r"(m.y), "=r"(m.z), "=r"(m.w)
                 : "r"(shared)
                 : "memory");
    return m;
#endif
}

__device__ __forceinline__ uint4 ldmatrix4Transposed(const void* row) {
#ifdef MR_EMULATE
    return emuLdmatrix4(row, 1);
#else
    uint4 m;
    unsigned shared = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(m.x), "=r"(m.y), "=r"(m.z), "=r"(m.w)
                 : "r"(shared)
                 : "memory");
    return m;
#endif
}

#ifndef MR_EMULATE
#define MR_MMA(shape_and_types, c, a, b)                                   \
    asm("mma.sync.aligned." shape_and_types                                \
        " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};" \
        : "+f"(c.x), "+f"(c.y), "+f"(c.z), "+f"(c.w)                       \
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y))
#endif

/** c += a b: a [16, 16] and b [16, 8] in F16, c [16, 8] in F32. */
__device__ __forceinline__ void mmaF16(float4& c, uint4 a, uint2 b) {
#ifdef MR_EMULATE
    c = emuMma(EMU_MMA_F16_K16, a, b, c);
#else
    MR_MMA("m16n8k16.row.col.f32.f16.f16.f32", c, a, b);
#endif
}

__device__ __forceinline__ void mmaBf16(float4& c, uint4 a, uint2 b) {
#ifdef MR_EMULATE
    c = emuMma(EMU_MMA_BF16_K16, a, b, c);
#else
    MR_MMA("m16n8k16.row.col.f32.bf16.bf16.f32", c, a, b);
#endif
}

/** c += a b: a [16, 32] and b [32, 8] in E4M3. Before sm_89: in F16, which holds every E4M3. */
__device__ __forceinline__ void mmaE4m3(float4& c, uint4 a, uint2 b) {
#if MR_ARCH >= 890
#ifdef MR_EMULATE
    c = emuMma(EMU_MMA_E4M3_K32, a, b, c);
#else
    MR_MMA("m16n8k32.row.col.f32.e4m3.e4m3.f32", c, a, b);
#endif
#else
    // A word holds four neighbours in k. A sum over k may be taken in any order, so the first pair of every
    // word goes where F16 fragments have the low half of k, and the second pair where they have the high
    // half.
    mmaF16(c, {f16PairOfE4m3(a.x), f16PairOfE4m3(a.y), f16PairOfE4m3(a.x >> 16), f16PairOfE4m3(a.y >> 16)},
           {f16PairOfE4m3(b.x), f16PairOfE4m3(b.x >> 16)});
    mmaF16(c, {f16PairOfE4m3(a.z), f16PairOfE4m3(a.w), f16PairOfE4m3(a.z >> 16), f16PairOfE4m3(a.w >> 16)},
           {f16PairOfE4m3(b.y), f16PairOfE4m3(b.y >> 16)});
#endif
}
