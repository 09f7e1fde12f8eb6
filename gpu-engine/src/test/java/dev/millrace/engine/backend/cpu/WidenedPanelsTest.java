package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.backend.WeightTensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Widened products are exact where BF16 ones have rounded their source rows. */
class WidenedPanelsTest {
    private static final long SEED = 20261129;
    private static final int THREADS = 2;

    /** Of F32 sums; rounding the source to BF16 makes errors a hundred times as large. */
    private static final double TOLERANCE = 2e-6;

    private static final double BF16_TOLERANCE = 1e-2;

    @ParameterizedTest
    @CsvSource({"96, 128", "100, 1056", "768, 640", "33, 4200", "4096, 72"})
    void equalsTheSumOverExactProducts(int inFeatures, int outFeatures) {
        for (boolean invariant : new boolean[] {false, true}) {
            for (int rows : new int[] {1, 31, 32, 33, 65, 512, 577, 2049}) {
                if ((long) rows * inFeatures * outFeatures < 400_000_000L) {
                    check(inFeatures, outFeatures, rows, invariant);
                }
            }
        }
    }

    private static void check(int inFeatures, int outFeatures, int rows, boolean invariant) {
        Random random = new Random(SEED);
        short[] weights = new short[outFeatures * inFeatures];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (short) Bf16.round((float) random.nextGaussian());
        }
        float[] bias = floats(random, outFeatures);
        float[] source = floats(random, rows * inFeatures);
        float[] result = multiplied(weights, bias, source, rows, invariant);
        boolean isWidened = invariant || rows >= WidenedPanels.FEWEST_ROWS;
        for (int row = 0; row < rows; row += Math.max(1, rows / 7)) {
            for (int column = 0; column < outFeatures; column += 5) {
                double sum = bias[column];
                double size = Math.abs(sum);
                for (int k = 0; k < inFeatures; k++) {
                    double weight = Bf16.toFloat(weights[column * inFeatures + k]);
                    double product = source[row * inFeatures + k] * weight;
                    sum += product;
                    size += Math.abs(product);
                }
                double error = Math.abs(sum - result[row * outFeatures + column]) / size;
                assertTrue(
                        error <= (isWidened ? TOLERANCE : BF16_TOLERANCE),
                        inFeatures + " to " + outFeatures + ", " + rows + " rows, seed " + SEED
                                + ": error " + error);
            }
        }
    }

    /** By two workers, which share panels and rows. */
    private static float[] multiplied(
            short[] weights, float[] bias, float[] source, int rows, boolean invariant) {
        try (OneDnn dnn = new OneDnn(THREADS, true)) {
            assumeTrue(dnn.widensBf16(), "skipped: this processor has no BF16 products");
            WeightTensor tensor =
                    OneLinear.tensor(DType.BF16, bias.length, MemorySegment.ofArray(weights));
            try (OneLinear one = new OneLinear(dnn, GemmType.BF16, tensor, bias, invariant)) {
                boolean isWidened = invariant || rows >= WidenedPanels.FEWEST_ROWS;
                assertEquals(
                        isWidened ? GemmType.F32 : GemmType.BF16,
                        one.linear().source(rows, invariant));
                return one.multiplied(source);
            }
        }
    }

    @Test
    void pairsOfRowsAreTakenApart() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pairs = arena.allocate(2L * 3 * 64 * 2, 64);
            MemorySegment rows = arena.allocate(4L * 6 * 64, 64);
            for (int i = 0; i < 3 * 64 * 2; i++) {
                pairs.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) Bf16.round(-i));
            }
            Bf16.widenPairs(pairs.address(), rows.address(), 3, 64, 4L * 64);
            for (int row = 0; row < 6; row++) {
                for (int column = 0; column < 64; column++) {
                    int at = (row / 2 * 64 + column) * 2 + row % 2;
                    assertEquals(
                            Bf16.toFloat(Bf16.round(-at)),
                            rows.getAtIndex(ValueLayout.JAVA_FLOAT, row * 64L + column));
                }
            }
        }
    }

    private static float[] floats(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
