package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.BackendPair.Both;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.List;

/** INT8 linears of the cpu device against the oracle on the unrounded numbers. */
class Int8ContractTest {
    private static final long SEED = 20260302;
    private final BackendPair pair =
            new BackendPair(SEED, 3, new Numerics(WeightFormat.INT8, false));

    @AfterEach
    void close() {
        pair.close();
    }

    /**
     * Rounding to 127 steps makes an error of up to half a step per factor; errors of a sum's terms
     * are independent. Five standard deviations of their sum are allowed.
     */
    @ParameterizedTest
    @CsvSource({"1,64,64", "3,65,33", "17,128,1000", "33,100,70", "100,768,1280", "513,64,200"})
    void linearIsWithinTheRoundingOfItsFactors(int rows, int in, int out) {
        float[][] x = pair.numbers(rows, in, 1f);
        float[][] w = BackendPair.onBf16Grid(pair.numbers(out, in, 0.1f));
        float[] bias = pair.numbers(1, out, 1f)[0];
        Both<Linear> linear = pair.both(b -> b.linear(List.of(BackendPair.bf16("w", w)), bias));
        Both<Buffer> input = pair.filled(x);
        Both<Buffer> result = pair.empty(rows, out);
        pair.oracle.linear(linear.oracle(), input.oracle(), result.oracle(), rows);
        pair.cpu.linear(linear.cpu(), input.cpu(), result.cpu(), rows);
        pair.assertClose(
                "linear",
                result,
                rows,
                (r, c) -> 5 * Math.hypot(step(x[r]) * size(w[c]), step(w[c]) * size(x[r])) + 1e-4);
    }

    /** What lies on the grid of 127 steps already is computed without any error but F32's. */
    @Test
    void numbersOnTheGridAreExact() {
        int cols = 96;
        float[][] x = grid(5, cols, 0.5f);
        float[][] w = grid(40, cols, 0.25f);
        Both<Linear> linear = pair.both(b -> b.linear(List.of(BackendPair.f32("w", w)), null));
        Both<Buffer> input = pair.filled(x);
        Both<Buffer> result = pair.empty(5, 40);
        pair.oracle.linear(linear.oracle(), input.oracle(), result.oracle(), 5);
        pair.cpu.linear(linear.cpu(), input.cpu(), result.cpu(), 5);
        pair.assertClose("linear", result, 5, (r, c) -> 0.01);
    }

    @Test
    void aRowThatIsNotFiniteStaysSoAndHarmsNoOther() {
        float[][] x = pair.numbers(3, 64, 1f);
        x[1][7] = Float.NaN;
        float[][] w = BackendPair.onBf16Grid(pair.numbers(32, 64, 0.1f));
        Linear linear = pair.cpu.linear(List.of(BackendPair.bf16("w", w)), null);
        Buffer result = pair.empty(3, 32).cpu();
        pair.cpu.linear(linear, pair.filled(x).cpu(), result, 3);
        float[] row = new float[32];
        for (int r = 0; r < 3; r++) {
            pair.cpu.read(result, r, row);
            boolean finite = true;
            for (float value : row) {
                finite &= Float.isFinite(value);
            }
            assertEquals(r != 1, finite, "row " + r);
        }
        assertTrue(linear.outFeatures() == 32);
    }

    private float[][] grid(int rows, int cols, float step) {
        float[][] values = new float[rows][cols];
        for (float[] row : values) {
            for (int c = 0; c < cols; c++) {
                row[c] = step * (pair.random().nextInt(255) - 127);
            }
            row[0] = 127 * step;
        }
        return values;
    }

    /** The standard deviation of an error that is even over one step. */
    private static double step(float[] row) {
        double largest = 0;
        for (float value : row) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest / 127 / Math.sqrt(12);
    }

    private static double size(float[] row) {
        double squares = 0;
        for (float value : row) {
            squares += (double) value * value;
        }
        return Math.sqrt(squares);
    }
}
