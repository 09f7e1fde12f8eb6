package dev.millrace.engine.backend.cuda;

/**
 * What a CUDA device is.
 *
 * @param name the driver's name for it
 * @param major compute capability before the point
 * @param minor and behind it
 * @param multiprocessors how many blocks run side by side at the least
 * @param totalBytes of device memory
 * @param l2Bytes of its second-level cache
 * @param driverVersion as CUDA counts: 13000 is 13.0
 */
public record DeviceProperties(
        String name,
        int major,
        int minor,
        int multiprocessors,
        long totalBytes,
        long l2Bytes,
        int driverVersion) {

    /**
     * The architecture that kernels are compiled for. Hopper's own instructions need the suffix.
     */
    public String arch() {
        return "sm_" + major + minor + (major == 9 && minor == 0 ? "a" : "");
    }

    /** Whether warp groups multiply (wgmma): compute capability 9.0 alone. */
    public boolean hasWarpGroups() {
        return major == 9 && minor == 0;
    }

    /**
     * Whether the kernels can run at all: they are written for compute capability 8.0 and later.
     */
    public boolean isSupported() {
        return major >= 8;
    }

    /**
     * Whether cuBLASLt scales FP8 products per row and column, and per block: compute capability
     * 9.0 alone.
     */
    public boolean hasScaledFp8() {
        return major == 9 && minor == 0;
    }

    @Override
    public String toString() {
        return "%s, compute capability %d.%d, %d multiprocessors, %,d MiB, CUDA driver %d.%d"
                .formatted(
                        name,
                        major,
                        minor,
                        multiprocessors,
                        totalBytes >> 20,
                        driverVersion / 1000,
                        driverVersion % 1000 / 10);
    }
}
