package dev.millrace.engine.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Switches OpenMP's own threads off for the calling thread. oneDNN would start a second set of
 * threads beside ours, and the two would spin against each other; so every worker runs oneDNN on
 * itself alone and {@link WorkerPool} divides the work. The setting is per thread, in the libgomp
 * that oneDNN has loaded.
 */
// Foreign calls are the point of this class.
@SuppressWarnings("restricted")
final class OpenMp {
    private static final MethodHandle SET_NUM_THREADS =
            Linker.nativeLinker()
                    .downcallHandle(
                            find("omp_set_num_threads"),
                            FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT));
    private static final MethodHandle GET_MAX_THREADS =
            Linker.nativeLinker()
                    .downcallHandle(
                            find("omp_get_max_threads"),
                            FunctionDescriptor.of(ValueLayout.JAVA_INT));

    private OpenMp() {}

    static void useOneThread() {
        try {
            SET_NUM_THREADS.invokeExact(1);
        } catch (Throwable e) {
            throw new IllegalStateException("omp_set_num_threads failed", e);
        }
    }

    static int maxThreads() {
        try {
            return (int) GET_MAX_THREADS.invokeExact();
        } catch (Throwable e) {
            throw new IllegalStateException("omp_get_max_threads failed", e);
        }
    }

    private static MemorySegment find(String name) {
        return SymbolLookup.loaderLookup()
                .find(name)
                .orElseGet(
                        () ->
                                SymbolLookup.libraryLookup("libgomp.so.1", Arena.global())
                                        .find(name)
                                        .orElseThrow(
                                                () ->
                                                        new IllegalStateException(
                                                                "no "
                                                                        + name
                                                                        + " in libgomp.so.1")));
    }
}
