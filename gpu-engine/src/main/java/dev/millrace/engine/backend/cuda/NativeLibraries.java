package dev.millrace.engine.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.ArrayList;
import java.util.List;

/** Looks for the shared libraries of CUDA before any class that is linked with them is touched. */
final class NativeLibraries {
    private static final String DRIVER = "libcuda.so.1";

    /** Libraries that the bindings are linked with; nvrtc only serves where no nvcc is found. */
    private static final List<String> RUNTIME =
            List.of("libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13");

    private NativeLibraries() {}

    /** Whether this machine has an NVIDIA driver. */
    static boolean hasDriver() {
        return isPresent(DRIVER);
    }

    /**
     * @throws DeviceUnavailableException that says what is missing and where to get it
     */
    static void check() {
        if (!hasDriver()) {
            throw new DeviceUnavailableException(
                    "device cuda needs an NVIDIA GPU and its driver, and "
                            + DRIVER
                            + " cannot be loaded here; install the driver (580 or later), or use"
                            + " --device cpu");
        }
        List<String> missing = new ArrayList<>(RUNTIME);
        missing.removeIf(NativeLibraries::isPresent);
        if (!missing.isEmpty()) {
            throw new DeviceUnavailableException(
                    "device cuda needs "
                            + String.join(", ", missing)
                            + " of CUDA 13, found by the dynamic linker: put the toolkit's lib64"
                            + " folder on LD_LIBRARY_PATH before starting, or let"
                            + " ops/cuda-toolchain --runtime fetch the libraries and print the"
                            + " folder");
        }
    }

    static boolean isPresent(String library) {
        try (Arena arena = Arena.ofConfined()) {
            lookup(library, arena);
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    @SuppressWarnings("restricted") // CUDA's own libraries, by their names
    private static void lookup(String library, Arena arena) {
        SymbolLookup.libraryLookup(library, arena);
    }
}
