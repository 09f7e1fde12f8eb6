package dev.millrace.engine.cuda;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The emulated CUDA device for tests of single kernels: memory, launches, and the error text when
 * the emulation refuses something. Everything that a test allocated is freed by {@link #close}.
 */
final class EmulatedCuda implements AutoCloseable {
    private final Arena arena = Arena.ofConfined();
    private final SymbolLookup symbols;
    private final MethodHandle launch;
    private final List<DeviceArray> arrays = new ArrayList<>();

    private EmulatedCuda(Path library) {
        symbols = SymbolLookup.libraryLookup(library, Arena.global());
        launch =
                handle(
                        "mr_emu_launch",
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_INT));
    }

    /** The device, built on first use; skips the test, saying so, where there is no g++. */
    static EmulatedCuda open() throws IOException, InterruptedException {
        return new EmulatedCuda(EmulatedCudaBuild.library(890));
    }

    /** The same kernels as a device before sm_89 runs them. */
    static EmulatedCuda openSm80() throws IOException, InterruptedException {
        return new EmulatedCuda(EmulatedCudaBuild.library(800));
    }

    /** The launch's shape. */
    record Shape(int gridX, int gridY, int block, int sharedBytes) {
        static Shape of(int grid, int block, int sharedBytes) {
            return new Shape(grid, 1, block, sharedBytes);
        }
    }

    /** Runs a kernel; fails the test with the emulation's words if it refuses. */
    void launch(String kernel, Shape shape, Object... args) {
        String error = tryLaunch(kernel, shape, args);
        if (error != null) {
            throw new AssertionError(error);
        }
    }

    /**
     * @return null, or what the emulation refused
     */
    String tryLaunch(String kernel, Shape shape, Object... args) {
        try (Arena call = Arena.ofConfined()) {
            MemorySegment pointers = call.allocate(8L * Math.max(1, args.length), 8);
            int[] bytes = new int[args.length];
            for (int i = 0; i < args.length; i++) {
                MemorySegment value = argument(call, args[i]);
                pointers.setAtIndex(ValueLayout.ADDRESS, i, value);
                bytes[i] = (int) value.byteSize();
            }
            int code =
                    (int)
                            launch.invokeExact(
                                    call.allocateFrom(kernel),
                                    call.allocateFrom(
                                            ValueLayout.JAVA_INT, shape.gridX, shape.gridY, 1),
                                    call.allocateFrom(ValueLayout.JAVA_INT, shape.block, 1, 1),
                                    shape.sharedBytes,
                                    pointers,
                                    call.allocateFrom(ValueLayout.JAVA_INT, bytes),
                                    bytes.length);
            return code == 0 ? null : error();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) { // the signature of invokeExact
            throw new IllegalStateException(e);
        }
    }

    private static MemorySegment argument(Arena arena, Object value) {
        return switch (value) {
            case Integer number -> arena.allocateFrom(ValueLayout.JAVA_INT, number);
            case Long number -> arena.allocateFrom(ValueLayout.JAVA_LONG, number);
            case Float number -> arena.allocateFrom(ValueLayout.JAVA_FLOAT, number);
            case Double number -> arena.allocateFrom(ValueLayout.JAVA_DOUBLE, number);
            case DeviceArray array -> arena.allocateFrom(ValueLayout.JAVA_LONG, array.address());
            default -> throw new IllegalArgumentException(value + " is no kernel argument");
        };
    }

    /** What stands for a null pointer. */
    static final Long NULL = 0L;

    DeviceArray allocate(long bytes) {
        DeviceArray array = new DeviceArray(this, call("mr_emu_alloc", bytes), bytes);
        if (array.address() == 0) {
            throw new AssertionError(error());
        }
        arrays.add(array);
        return array;
    }

    DeviceArray ints(int... values) {
        DeviceArray array = allocate(4L * values.length);
        array.write(arena.allocateFrom(ValueLayout.JAVA_INT, values));
        return array;
    }

    DeviceArray longs(long... values) {
        DeviceArray array = allocate(8L * values.length);
        array.write(arena.allocateFrom(ValueLayout.JAVA_LONG, values));
        return array;
    }

    DeviceArray floats(float... values) {
        DeviceArray array = allocate(4L * values.length);
        array.write(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values));
        return array;
    }

    DeviceArray doubles(double... values) {
        DeviceArray array = allocate(8L * values.length);
        array.write(arena.allocateFrom(ValueLayout.JAVA_DOUBLE, values));
        return array;
    }

    DeviceArray shorts(short... values) {
        DeviceArray array = allocate(2L * values.length);
        array.write(arena.allocateFrom(ValueLayout.JAVA_SHORT, values));
        return array;
    }

    DeviceArray bytes(byte... values) {
        DeviceArray array = allocate(values.length);
        array.write(arena.allocateFrom(ValueLayout.JAVA_BYTE, values));
        return array;
    }

    /** Values rounded to BF16. */
    DeviceArray bf16(float... values) {
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Numbers.bf16(values[i]);
        }
        return shorts(bits);
    }

    void copy(long to, long from, long bytes) {
        if (call("mr_emu_memcpy", to, from, bytes) != 0) {
            throw new AssertionError(error());
        }
    }

    String error() {
        MemorySegment text = MemorySegment.ofAddress(call("mr_emu_error")).reinterpret(4096);
        return text.getString(0);
    }

    List<String> kernelNames() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < call("mr_emu_kernel_count"); i++) {
            names.add(
                    MemorySegment.ofAddress(call("mr_emu_kernel_name", (long) i))
                            .reinterpret(4096)
                            .getString(0));
        }
        return names;
    }

    /** Calls a function of whole numbers; its int results come sign-extended. */
    private long call(String function, long... args) {
        boolean isInt =
                !function.equals("mr_emu_alloc")
                        && !function.equals("mr_emu_error")
                        && !function.equals("mr_emu_kernel_name");
        ValueLayout[] types = new ValueLayout[args.length];
        Arrays.fill(types, ValueLayout.JAVA_LONG);
        ValueLayout result = isInt ? ValueLayout.JAVA_INT : ValueLayout.JAVA_LONG;
        try {
            Object[] boxed = Arrays.stream(args).boxed().toArray();
            Object value =
                    handle(function, FunctionDescriptor.of(result, types))
                            .invokeWithArguments(boxed);
            return ((Number) value).longValue();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) { // the signature of invokeWithArguments
            throw new IllegalStateException(e);
        }
    }

    private MethodHandle handle(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), type);
    }

    @Override
    public void close() {
        for (DeviceArray array : arrays) {
            call("mr_emu_free", array.address());
        }
        arena.close();
    }
}
