package dev.millrace.engine.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A driver with the small helpers that every user of kernels needs. */
final class Kernels {
    private final CudaDriver driver;
    private final KernelArgs args = new KernelArgs();

    Kernels(CudaDriver driver) {
        this.driver = driver;
    }

    CudaDriver driver() {
        return driver;
    }

    /** The arguments of the next launch, empty. */
    KernelArgs args() {
        return args.begin();
    }

    /** Queues a kernel with what {@link #args} was filled with. */
    void launch(String kernel, LaunchPlan plan) {
        driver.launch(kernel, plan, args);
    }

    /** Device memory of zeros. */
    long zeros(long bytes) {
        long address = driver.allocate(bytes);
        driver.fill(address, 0, bytes);
        return address;
    }

    /** Copies host memory of any kind to new device memory, and waits for it. */
    long upload(MemorySegment bytes) {
        long address = driver.allocate(bytes.byteSize());
        driver.copyToDevice(address, bytes);
        driver.synchronize();
        return address;
    }

    long upload(float[] values) {
        try (Arena arena = Arena.ofConfined()) {
            return upload(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
        }
    }
}
