// Kernels with one fault each, and their sound twins: the emulation must refuse the first and accept the
// second.
#include "common.cuh"
#include "wgmma.cuh"

// grid 1, block 64, shared 256. fault 0 is sound.
extern "C" __global__ void faulty_shared(int* out, int fault) {
    MR_SHARED(shared);
    int* words = reinterpret_cast<int*>(shared);
    int t = (int)threadIdx.x;
    if (fault != 3) {
        words[t] = 0;
        __syncthreads();
        words[t] = t;
    }
    if (fault != 1) {
        __syncthreads();
    }
    int value = words[t ^ 32]; // 1: what another warp wrote, no barrier. 3: what nobody wrote
    if (fault != 2) {
        __syncthreads();
    }
    words[t] = value + 1; // 2: while another warp may still read it
    if (fault == 4 && t < 63) {
        words[t + 1] = value; // which the next thread writes too
    }
    if (fault == 5 && t == 63) {
        words[64] = value; // one past the end
    }
    out[t] = words[t];
}
MR_KERNEL(faulty_shared)

// Two lanes of a warp are ordered by __syncwarp, not by a shuffle. grid 1, block 32, shared 128.
extern "C" __global__ void faulty_warp(int* out, int fault) {
    MR_SHARED(shared);
    int* words = reinterpret_cast<int*>(shared);
    int t = (int)threadIdx.x;
    words[t] = t;
    if (fault == 1) {
        __shfl_xor_sync(ALL_LANES, t, 1);
    } else {
        __syncwarp();
    }
    out[t] = words[31 - t];
}
MR_KERNEL(faulty_warp)

// grid 1, block 64, shared 0. 1: half of the threads skip the barrier. 2: they leave. 3: a warp's lanes part
// before a shuffle. 4: they meet in different operations.
extern "C" __global__ void faulty_barrier(int* out, int fault) {
    int t = (int)threadIdx.x;
    if (fault == 2 && t >= 32) {
        return;
    }
    if (fault != 1 || t < 32) {
        __syncthreads();
    }
    int value = t;
    if (fault == 4 && t % 2 == 0) {
        value = (int)__ballot_sync(ALL_LANES, 1);
    } else if (fault != 3 || t % 2 == 0) {
        value = __shfl_xor_sync(ALL_LANES, t, 1);
    }
    out[t] = value;
}
MR_KERNEL(faulty_barrier)

// Copies out[t] = in[t + shift] for 64 threads. grid 1, block 64, shared 0.
extern "C" __global__ void faulty_global(const int* in, int* out, int shift) {
    out[threadIdx.x] = in[(int)threadIdx.x + shift];
}
MR_KERNEL(faulty_global)

// cp.async: 1 reads before the wait, 2 another thread reads with no barrier, 3 nobody waits. grid 1, block
// 32, shared 512.
extern "C" __global__ void faulty_async(const int* in, int* out, int fault) {
    MR_SHARED(shared);
    int t = (int)threadIdx.x;
    *reinterpret_cast<uint4*>(shared + 16 * t) = {0, 0, 0, 0};
    __syncwarp();
    asyncCopy16(shared + 16 * t, in + 4 * t, true);
    asyncCommit();
    int* words = reinterpret_cast<int*>(shared);
    if (fault == 1) {
        out[t] = words[4 * t];
    }
    if (fault != 3) {
        asyncWait<0>();
    }
    if (fault == 2) {
        out[t] = words[4 * (31 - t)];
    } else if (fault != 3) {
        __syncthreads();
        out[t] = words[4 * (31 - t)];
    }
}
MR_KERNEL(faulty_async)

// A warp group fills the right operand twice, another multiplies. grid 1, block 256, shared 24592. 1: no
// fence.proxy.async behind the stores. 2: a warp does not wait for them. 3: no wgmma.fence. 4: a tile that is not
// aligned. 5: the operand is given back before the product is waited for. 6: nobody waits for it. 7: a phase that
// never ends. 8: a store to a barrier.
extern "C" __global__ void faulty_wgmma(int* out, int fault) {
    MR_SHARED(shared);
    int t = (int)threadIdx.x;
    u64* full = reinterpret_cast<u64*>(shared + 24576);
    u64* empty = full + 1;
    if (t == 0) {
        barrierInit(full, 128);
        barrierInit(empty, 128);
    }
    __syncthreads();
    for (int round = 0; round < 2; round++) {
        if (t >= 128) {
            barrierWait(empty, round ^ 1);
            for (int i = 0; i < 12; i++) { // ones in F16 on the left, 1 + round on the right
                unsigned pair = i < 4 || round == 0 ? 0x3c003c00u : 0x40004000u;
                if (i >= 4 || round == 0) {
                    *reinterpret_cast<uint4*>(shared + 16 * (128 * i + t - 128)) = {pair, pair, pair, pair};
                }
            }
            if (fault != 1) {
                fenceForWgmma();
            }
            barrierArrive(full);
            continue;
        }
        if (fault != 2 || t < 96) {
            barrierWait(full, round);
        }
        float4 c[16];
        if (fault != 3) {
            wgmmaFence();
        }
        u64 right = tileDescriptor(shared + 8192, 0, 1024);
        wgmmaRows<true>(c, tileDescriptor(shared, 0, 1024), movedBy(right, fault == 4 ? 128 : 0), 0);
        wgmmaCommit();
        if (fault == 5) {
            barrierArrive(empty);
        }
        if (fault != 6) {
            wgmmaWait<0>();
        }
        if (fault != 5) {
            barrierArrive(empty);
        }
        out[t] = (int)c[t % 16].x;
    }
    if (fault == 7 && t < 128) {
        barrierWait(full, 0);
    }
    if (fault == 8 && t == 0) {
        *full = 0;
    }
}
MR_KERNEL(faulty_wgmma)
