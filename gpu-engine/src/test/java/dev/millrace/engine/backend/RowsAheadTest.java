package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.WeightFormat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Arrays;
import java.util.List;

/** Source rows that are rounded by the op before their linear: the same bits as in two passes. */
class RowsAheadTest {
    private static final long SEED = 20261129;
    private static final int OUT = 70;

    @ParameterizedTest
    @CsvSource({"INT8, 1, 64", "INT8, 7, 80", "INT8, 130, 256", "BF16, 1, 64", "BF16, 33, 80"})
    void theBitsAreThoseOfSeparatePasses(WeightFormat weights, int rows, int cols) {
        try (BackendPair pair = new BackendPair(SEED, 3, new Numerics(weights, false))) {
            Backend cpu = pair.cpu;
            Linear linear = linear(pair, cols);
            float[][] sums = pair.numbers(rows, cols, 1f);
            float[][] gateUp = pair.numbers(rows, 2 * cols, 1f);
            Buffer delta = pair.filled(pair.numbers(rows, cols, 1f)).cpu();
            Vector weight = cpu.vector(pair.numbers(1, cols, 1f)[0]);
            Backend.Norm norm = new Backend.Norm(weight, 1e-6f);
            float[][][] normed = new float[2][][];
            float[][][] activated = new float[2][][];
            for (int i = 0; i < 2; i++) {
                Linear reader = i == 0 ? null : linear;
                Buffer mid = pair.empty(rows, cols).cpu();
                cpu.addRmsNorm(pair.filled(sums).cpu(), delta, norm, reader, mid, rows);
                normed[i] = product(pair, linear, mid, rows);
                cpu.siluMul(pair.filled(gateUp).cpu(), reader, mid, rows);
                activated[i] = product(pair, linear, mid, rows);
            }
            assertArrayEquals(normed[0], normed[1], "seed " + SEED);
            assertArrayEquals(activated[0], activated[1], "seed " + SEED);
            assertFalse(Arrays.deepEquals(normed[0], activated[0]), "control");
        }
    }

    /** Rounded rows are for the next op alone: what comes later reads the buffer as it is then. */
    @ParameterizedTest
    @CsvSource({"INT8", "BF16"})
    void rowsThatWereOverwrittenAreNotUsed(WeightFormat weights) {
        try (BackendPair pair = new BackendPair(SEED, 3, new Numerics(weights, false))) {
            Linear linear = linear(pair, 64);
            Buffer first = pair.filled(pair.numbers(5, 128, 1f)).cpu();
            Buffer second = pair.filled(pair.numbers(5, 128, 1f)).cpu();
            Buffer mid = pair.empty(5, 64).cpu();
            pair.cpu.siluMul(first, linear, mid, 5);
            pair.cpu.siluMul(second, mid, 5);
            float[][] after = product(pair, linear, mid, 5);
            pair.cpu.siluMul(second, mid, 5);
            assertArrayEquals(product(pair, linear, mid, 5), after, "seed " + SEED);
            pair.cpu.siluMul(first, mid, 5);
            assertFalse(Arrays.deepEquals(product(pair, linear, mid, 5), after), "control");
        }
    }

    private static Linear linear(BackendPair pair, int cols) {
        float[][] weights = BackendPair.onBf16Grid(pair.numbers(OUT, cols, 0.1f));
        return pair.cpu.linear(List.of(BackendPair.bf16("w", weights)), null);
    }

    private static float[][] product(BackendPair pair, Linear linear, Buffer in, int rows) {
        Buffer out = pair.empty(rows, OUT).cpu();
        pair.cpu.linear(linear, in, out, rows);
        float[][] values = new float[rows][OUT];
        for (int r = 0; r < rows; r++) {
            pair.cpu.read(out, r, values[r]);
        }
        return values;
    }
}
