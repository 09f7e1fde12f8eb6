package dev.millrace.engine.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The host emulation's C functions, as {@code cuda/README.md} lists them. */
final class EmulationLibrary {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private final SymbolLookup symbols;
    private final MethodHandle error;
    private final MethodHandle launch;
    private final MethodHandle alloc;
    private final MethodHandle free;
    private final MethodHandle memcpy;
    private final MethodHandle memset;
    private final MethodHandle gemmBf16;
    private final MethodHandle gemmFp8;
    private final MethodHandle gemmFp8Block;

    EmulationLibrary(Path library, Arena arena) {
        symbols = lookup(library, arena);
        error = handle("mr_emu_error", FunctionDescriptor.of(ValueLayout.ADDRESS));
        launch =
                handle(
                        "mr_emu_launch",
                        FunctionDescriptor.of(
                                INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                INT));
        alloc = handle("mr_emu_alloc", FunctionDescriptor.of(LONG, LONG));
        free = handle("mr_emu_free", FunctionDescriptor.of(INT, LONG));
        memcpy = handle("mr_emu_memcpy", FunctionDescriptor.of(INT, LONG, LONG, LONG));
        memset = handle("mr_emu_memset", FunctionDescriptor.of(INT, LONG, INT, LONG));
        gemmBf16 =
                handle(
                        "mr_emu_gemm_bf16",
                        FunctionDescriptor.of(INT, LONG, LONG, LONG, LONG, INT, INT, INT, INT));
        gemmFp8 =
                handle(
                        "mr_emu_gemm_fp8",
                        FunctionDescriptor.of(
                                INT, LONG, LONG, LONG, LONG, LONG, LONG, INT, INT, INT));
        gemmFp8Block =
                handle(
                        "mr_emu_gemm_fp8_block",
                        FunctionDescriptor.of(
                                INT, LONG, LONG, INT, LONG, LONG, LONG, LONG, INT, INT, INT));
    }

    long alloc(long bytes) {
        return (long) invoke(alloc, bytes);
    }

    void free(long address) {
        check("mr_emu_free", invoke(free, address));
    }

    void memcpy(long to, long from, long bytes) {
        check("mr_emu_memcpy", invoke(memcpy, to, from, bytes));
    }

    void memset(long to, int value, long bytes) {
        check("mr_emu_memset", invoke(memset, to, value, bytes));
    }

    /**
     * @param bits the arguments' bits
     * @param bytes the arguments' sizes
     */
    void launch(String kernel, LaunchPlan plan, long[] bits, int[] bytes) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment values = call.allocateFrom(LONG, bits);
            MemorySegment pointers = call.allocate(Math.max(1, bits.length) * LONG.byteSize(), 8);
            for (int i = 0; i < bits.length; i++) {
                pointers.setAtIndex(LONG, i, values.address() + i * LONG.byteSize());
            }
            MemorySegment grid = call.allocateFrom(INT, plan.gridX(), plan.gridY(), 1);
            MemorySegment block = call.allocateFrom(INT, plan.block(), 1, 1);
            check(
                    kernel,
                    invoke(
                            launch,
                            call.allocateFrom(kernel),
                            grid,
                            block,
                            plan.sharedBytes(),
                            pointers,
                            call.allocateFrom(INT, bytes),
                            bytes.length));
        }
    }

    /** The product that stands for cuBLASLt's. */
    void gemm(Gemm gemm) {
        CudaLinear w = gemm.weights();
        int rows = gemm.rows();
        int out = w.outFeatures();
        int in = w.inFeatures();
        Object result =
                switch (w.format()) {
                    case BF16 ->
                            invoke(
                                    gemmBf16,
                                    gemm.in(),
                                    w.weights(),
                                    0L,
                                    gemm.out(),
                                    gemm.outIsF32() ? 1 : 0,
                                    rows,
                                    out,
                                    in);
                    case FP8 ->
                            invoke(
                                    gemmFp8,
                                    gemm.in(),
                                    gemm.inScales(),
                                    w.weights(),
                                    w.scales(),
                                    0L,
                                    gemm.out(),
                                    rows,
                                    out,
                                    in);
                    case FP8_BLOCK ->
                            invoke(
                                    gemmFp8Block,
                                    gemm.in(),
                                    gemm.inScales(),
                                    gemm.scaleStride(),
                                    w.weights(),
                                    w.scales(),
                                    0L,
                                    gemm.out(),
                                    rows,
                                    out,
                                    in);
                };
        check("the reference product of " + w, result);
    }

    private void check(String what, Object result) {
        if ((int) result != 0) {
            MemorySegment text = ((MemorySegment) invoke(error)).reinterpret(Long.MAX_VALUE);
            throw new CudaException("emulated device: " + what + ": " + text.getString(0));
        }
    }

    private MethodHandle handle(String name, FunctionDescriptor type) {
        MemorySegment symbol =
                symbols.find(name)
                        .orElseThrow(
                                () -> new CudaException("the emulation library lacks " + name));
        return Linker.nativeLinker().downcallHandle(symbol, type);
    }

    private static SymbolLookup lookup(Path library, Arena arena) {
        try {
            return SymbolLookup.libraryLookup(library, arena);
        } catch (IllegalArgumentException e) {
            throw new DeviceUnavailableException(
                    "device cuda-emulated: " + library + " cannot be loaded: " + e.getMessage(), e);
        }
    }

    /** Foreign calls declare Throwable; none of these throws anything but an error. */
    private static Object invoke(MethodHandle handle, Object... args) {
        try {
            return handle.invokeWithArguments(args);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) { // the signature of invokeWithArguments
            throw new IllegalStateException(e);
        }
    }
}
