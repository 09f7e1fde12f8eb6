package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.fail;

import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.backend.cpu.CpuBackend;
import dev.millrace.engine.backend.scalar.ScalarBackend;
import dev.millrace.engine.model.ForwardInput;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.function.Function;

/** The oracle and the device under test side by side: same inputs to both, outputs compared. */
final class BackendPair implements AutoCloseable {
    final Backend oracle = new ScalarBackend();
    final Backend cpu;
    private final long seed;
    private final Random random;

    BackendPair(long seed, int threads) {
        this(seed, threads, Numerics.DEFAULT);
    }

    BackendPair(long seed, int threads, Numerics numerics) {
        this.seed = seed;
        this.random = new Random(seed);
        this.cpu = new CpuBackend(threads, numerics);
    }

    Random random() {
        return random;
    }

    /** The same object on both devices. */
    record Both<T>(T oracle, T cpu) {}

    <T> Both<T> both(Function<Backend, T> make) {
        return new Both<>(make.apply(oracle), make.apply(cpu));
    }

    /** Numbers of about {@code size}, with an outlier of 50 times that in every tenth row. */
    float[][] numbers(int rows, int cols, float size) {
        float[][] values = new float[rows][cols];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                values[r][c] = size * (float) random.nextGaussian();
            }
            if (r % 10 == 3) {
                values[r][random.nextInt(cols)] = 50 * size;
            }
        }
        return values;
    }

    /** The nearest numbers that BF16 holds. */
    static float[][] onBf16Grid(float[][] values) {
        for (float[] row : values) {
            for (int c = 0; c < row.length; c++) {
                row[c] = Float.intBitsToFloat(Float.floatToIntBits(row[c]) + 0x8000 & 0xffff0000);
            }
        }
        return values;
    }

    /** Buffers that hold {@code values} in their first rows. */
    Both<Buffer> filled(float[][] values) {
        return both(
                backend -> {
                    Buffer buffer = backend.allocate(values.length, values[0].length);
                    ForwardInput input = new ForwardInput(values.length, 1);
                    input.numTokens = values.length;
                    for (int t = 0; t < values.length; t++) {
                        input.tokenIds[t] = t;
                    }
                    backend.embed(backend.embedding(f32("values", values)), input, buffer);
                    return buffer;
                });
    }

    Both<Buffer> empty(int rows, int cols) {
        return both(backend -> backend.allocate(rows, cols));
    }

    static WeightTensor f32(String name, float[][] values) {
        MemorySegment data = Arena.ofAuto().allocate(4L * values.length * values[0].length, 64);
        for (int i = 0; i < values.length * values[0].length; i++) {
            data.setAtIndex(
                    ValueLayout.JAVA_FLOAT, i, values[i / values[0].length][i % values[0].length]);
        }
        return new WeightTensor(
                name, WeightTensor.DType.F32, values.length, values[0].length, data, null, 0, 0);
    }

    /** Values that lie on the BF16 grid. */
    static WeightTensor bf16(String name, float[][] values) {
        MemorySegment data = Arena.ofAuto().allocate(2L * values.length * values[0].length, 64);
        for (int i = 0; i < values.length * values[0].length; i++) {
            int bits = Float.floatToIntBits(values[i / values[0].length][i % values[0].length]);
            data.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        }
        return new WeightTensor(
                name, WeightTensor.DType.BF16, values.length, values[0].length, data, null, 0, 0);
    }

    /** How far an element may be from the oracle's. */
    @FunctionalInterface
    interface Tolerance {
        double at(int row, int col);
    }

    /**
     * Compares the first {@code rows} rows, and refuses an output that is all one value: such a
     * test would pass on anything.
     */
    void assertClose(String what, Both<Buffer> buffers, int rows, Tolerance tolerance) {
        int cols = buffers.oracle.cols();
        float[] expected = new float[cols];
        float[] actual = new float[cols];
        float first = 0;
        boolean varied = rows * cols == 1;
        for (int r = 0; r < rows; r++) {
            oracle.read(buffers.oracle, r, expected);
            cpu.read(buffers.cpu, r, actual);
            first = r == 0 ? expected[0] : first;
            for (int c = 0; c < cols; c++) {
                varied |= expected[c] != first;
                double allowed = tolerance.at(r, c);
                if (!(Math.abs(actual[c] - (double) expected[c]) <= allowed)) {
                    fail(
                            what
                                    + ", seed "
                                    + seed
                                    + ": ["
                                    + r
                                    + ", "
                                    + c
                                    + "] is "
                                    + actual[c]
                                    + ", the oracle has "
                                    + expected[c]
                                    + ", allowed difference "
                                    + allowed);
                }
            }
        }
        if (!varied) {
            fail(what + ", seed " + seed + ": the oracle's output is " + first + " everywhere");
        }
    }

    @Override
    public void close() {
        cpu.close();
        oracle.close();
    }
}
