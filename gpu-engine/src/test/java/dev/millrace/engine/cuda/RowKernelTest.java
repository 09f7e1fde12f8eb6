package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.cuda.EmulatedCuda.Shape;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.List;
import java.util.Random;

/** Norm, activation and quantisation against sums in double. */
class RowKernelTest {
    private static final double BF16_ROUNDING = 0x1p-8;
    private static final double E4M3_ROUNDING = 0x1p-4;

    private final Random random = new Random(20261123);
    private EmulatedCuda cuda;

    @BeforeEach
    void open() throws Exception {
        cuda = EmulatedCuda.open();
    }

    @AfterEach
    void close() {
        if (cuda != null) {
            cuda.close();
        }
    }

    /** Every E4M3 and what lies between two of them, on both code paths. */
    @ParameterizedTest
    @ValueSource(ints = {890, 800})
    void quantisesToTheNearest(int arch) throws Exception {
        try (EmulatedCuda device = arch == 800 ? EmulatedCuda.openSm80() : EmulatedCuda.open()) {
            float[] row = new float[1024];
            for (int i = 0; i < 254; i++) {
                float value = Numbers.ofE4m3((byte) (i < 127 ? i : i + 1));
                float next = Numbers.ofE4m3((byte) Math.min(126, i % 127 + 1));
                row[4 * i] = value;
                row[4 * i + 1] = (Math.abs(value) + next) / 2;
                row[4 * i + 2] = Math.min(448f, Math.nextUp(row[4 * i + 1]));
                row[4 * i + 3] = -Math.nextDown(row[4 * i + 1]);
            }
            DeviceArray out = device.allocate(1024);
            DeviceArray scale = device.allocate(4);
            device.launch(
                    "quantize_weight_f32",
                    Shape.of(1, 256, 128),
                    device.floats(row),
                    out,
                    scale,
                    1024);
            assertEquals(1f, scale.floats()[0]);
            float[] actual = out.e4m3();
            for (int i = 0; i < row.length; i++) {
                assertEquals(Numbers.ofE4m3(Numbers.e4m3(row[i])), actual[i], "of " + row[i]);
            }
        }
    }

    /** One scale for all rows: what lies beyond 448 of it is clipped, and its own largest does not matter. */
    @Test
    void staticScales() {
        int rows = 3;
        int cols = 48;
        float scale = 0.0625f;
        float[] x = Numbers.random(random, rows, 2 * cols, 20);
        DeviceArray in = cuda.bf16(x);
        DeviceArray out = cuda.allocate((long) rows * 2 * cols);
        DeviceArray scales = cuda.allocate(4L * rows);
        cuda.launch(
                "quantize_fp8", Shape.of(rows, 256, 128), in, out, scales, 2 * cols, -scale);
        float[] quantised = out.e4m3();
        int clipped = 0;
        for (int i = 0; i < x.length; i++) {
            float wanted = Numbers.onBf16Grid(x[i]) / scale;
            clipped += Math.abs(wanted) > 448 ? 1 : 0;
            float inRange = Math.max(-448, Math.min(448, wanted));
            assertEquals(Numbers.ofE4m3(Numbers.e4m3(inRange)), quantised[i]);
        }
        assertTrue(clipped > 0 && clipped < x.length, clipped + " values are clipped");
        DeviceArray norm = cuda.floats(Numbers.random(random, 1, cols, 1));
        DeviceArray again = cuda.allocate(4L * rows);
        Shape kept = Shape.of(rows, 256, 2 * cols + 128);
        cuda.launch(
                "rms_norm_fp8",
                kept,
                in,
                EmulatedCuda.NULL,
                norm,
                out,
                again,
                cols,
                1e-5f,
                -scale);
        cuda.launch("silu_mul_fp8", kept, in, out, scales, cols, -scale);
        for (DeviceArray written : List.of(again, scales)) {
            assertArrayEquals(new float[] {scale, scale, scale}, written.floats());
        }
    }

    @ParameterizedTest
    @CsvSource({"1,64,1", "3,112,1000", "13,768,1e-4", "5,4096,1"})
    void rmsNorm(int rows, int cols, float size) {
        float[] residual = Numbers.random(random, rows, cols, size);
        float[] delta = Numbers.random(random, rows, cols, size);
        float[] weight = Numbers.random(random, 1, cols, 1);
        DeviceArray sum = cuda.bf16(residual);
        DeviceArray change = cuda.bf16(delta);
        DeviceArray norm = cuda.floats(weight);
        DeviceArray out = cuda.allocate(2L * rows * cols);
        DeviceArray out8 = cuda.allocate((long) rows * cols);
        DeviceArray scales = cuda.allocate(4L * rows);
        DeviceArray outBlock = cuda.allocate((long) rows * cols);
        int stride = rows + 3;
        DeviceArray blockScales = cuda.allocate(4L * stride * ((cols + 127) / 128));
        Shape shape = Shape.of(rows, 256, 2 * cols + 128);
        cuda.launch("rms_norm_bf16", shape, sum, change, norm, out, cols, 1e-5f);
        cuda.launch(
                "rms_norm_fp8", shape, sum, EmulatedCuda.NULL, norm, out8, scales, cols, 1e-5f, 0f);
        cuda.launch(
                "rms_norm_fp8_block",
                shape,
                sum,
                EmulatedCuda.NULL,
                norm,
                outBlock,
                blockScales,
                stride,
                cols,
                1e-5f);
        double[][] expected = new double[rows][cols];
        float[] stored = sum.bf16();
        for (int r = 0; r < rows; r++) {
            double squares = 0;
            for (int c = 0; c < cols; c++) {
                float added = Numbers.onBf16Grid(residual[r * cols + c] + delta[r * cols + c]);
                assertEquals(added, stored[r * cols + c]);
                squares += (double) added * added;
            }
            for (int c = 0; c < cols; c++) {
                expected[r][c] =
                        stored[r * cols + c] / Math.sqrt(squares / cols + 1e-5) * weight[c];
            }
        }
        assertClose(expected, out.bf16(), BF16_ROUNDING, 0);
        assertQuantised(expected, out8.e4m3(), scales.floats());
        assertBlockQuantised(expected, outBlock.e4m3(), blockScales.floats(), stride);
    }

    @ParameterizedTest
    @CsvSource({"1,64,1", "3,48,10", "7,1104,100", "2,4096,1"})
    void siluMul(int rows, int cols, float size) {
        float[] gateUp = Numbers.random(random, rows, 2 * cols, size);
        DeviceArray in = cuda.bf16(gateUp);
        DeviceArray out = cuda.allocate(2L * rows * cols);
        DeviceArray out8 = cuda.allocate((long) rows * cols);
        DeviceArray scales = cuda.allocate(4L * rows);
        DeviceArray outBlock = cuda.allocate((long) rows * cols);
        DeviceArray blockScales = cuda.allocate(4L * rows * ((cols + 127) / 128));
        cuda.launch("silu_mul_bf16", Shape.of(rows, 256, 0), in, out, cols);
        cuda.launch(
                "silu_mul_fp8", Shape.of(rows, 256, 2 * cols + 128), in, out8, scales, cols, 0f);
        cuda.launch(
                "silu_mul_fp8_block",
                Shape.of(rows, 256, 0),
                in,
                outBlock,
                blockScales,
                rows,
                cols);
        double[][] expected = new double[rows][cols];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < cols; c++) {
                double gate = gateUp[2 * r * cols + c];
                expected[r][c] = gate / (1 + Math.exp(-gate)) * gateUp[(2 * r + 1) * cols + c];
            }
        }
        assertClose(expected, out.bf16(), BF16_ROUNDING, 1e-30);
        assertQuantised(expected, out8.e4m3(), scales.floats());
        assertBlockQuantised(expected, outBlock.e4m3(), blockScales.floats(), rows);
    }

    @Test
    void aBoundCapsTheScaleAndAZeroRowKeepsOne() {
        float[] rows = new float[128];
        rows[5] = 2000;
        rows[6] = -600;
        DeviceArray out = cuda.allocate(128);
        DeviceArray scales = cuda.allocate(8);
        cuda.launch("quantize_fp8", Shape.of(2, 256, 128), cuda.bf16(rows), out, scales, 64, 1200f);
        float scale = 1200f / 448f;
        assertArrayEquals(new float[] {scale, 1}, scales.floats());
        assertEquals(448f, out.e4m3()[5]);
        assertEquals(Numbers.ofE4m3(Numbers.e4m3(-600 / scale)), out.e4m3()[6]);
    }

    @Test
    void weightsFromEveryFormatAndBack() {
        int rows = 5;
        int cols = 272;
        float[] weights = Numbers.random(random, rows, cols, 0.1f);
        short[] halves = new short[weights.length];
        double[][] expected = new double[rows][cols];
        for (int i = 0; i < weights.length; i++) {
            halves[i] = Float.floatToFloat16(weights[i]);
            expected[i / cols][i % cols] = weights[i];
        }
        DeviceArray out = cuda.allocate(weights.length);
        DeviceArray scales = cuda.allocate(4L * rows);
        DeviceArray wide = cuda.allocate(2L * weights.length);
        Shape shape = Shape.of(rows, 256, 128);
        cuda.launch("quantize_weight_bf16", shape, cuda.bf16(weights), out, scales, cols);
        assertQuantised(expected, out.e4m3(), scales.floats());
        cuda.launch("quantize_weight_f16", shape, cuda.shorts(halves), out, scales, cols);
        assertQuantised(expected, out.e4m3(), scales.floats());
        cuda.launch("convert_f16_bf16", shape, cuda.shorts(halves), wide, cols);
        assertClose(expected, wide.bf16(), BF16_ROUNDING, 1e-7);
        cuda.launch("convert_f32_bf16", shape, cuda.floats(weights), wide, cols);
        assertArrayEquals(weights, wide.bf16());
        cuda.launch("quantize_fp8", shape, cuda.bf16(weights), out, scales, cols, 0f);
        assertQuantised(expected, out.e4m3(), scales.floats());
        DeviceArray blocks = cuda.allocate(4L * 3 * rows);
        cuda.launch("quantize_fp8_block", shape, cuda.bf16(weights), out, blocks, rows, cols);
        assertBlockQuantised(expected, out.e4m3(), blocks.floats(), rows);
    }

    @Test
    void checkpointBlocksToBf16AndToChannels() {
        int rows = 7;
        int cols = 80;
        byte[] elements = new byte[rows * cols];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = Numbers.e4m3((float) random.nextGaussian() * 100);
        }
        float[] scales = Numbers.random(random, 4, 3, 1); // blocks of 2 rows and 32 columns
        double[][] expected = new double[rows][cols];
        for (int i = 0; i < elements.length; i++) {
            expected[i / cols][i % cols] =
                    Numbers.ofE4m3(elements[i]) * scales[i / cols / 2 * 3 + i % cols / 32];
        }
        DeviceArray in = cuda.bytes(elements);
        DeviceArray blockScales = cuda.floats(scales);
        DeviceArray wide = cuda.allocate(2L * rows * cols);
        cuda.launch(
                "dequantize_weight_fp8",
                Shape.of(rows, 256, 0),
                in,
                blockScales,
                2,
                32,
                wide,
                cols);
        assertClose(expected, wide.bf16(), BF16_ROUNDING, 0);
        DeviceArray out = cuda.allocate((long) rows * cols);
        DeviceArray outScales = cuda.allocate(4L * rows);
        cuda.launch(
                "requantize_weight_fp8",
                Shape.of(rows, 256, 128),
                in,
                blockScales,
                2,
                32,
                out,
                outScales,
                cols);
        assertQuantised(expected, out.e4m3(), outScales.floats());
    }

    @Test
    void rowsFromHereToThere() {
        float[] table = Numbers.random(random, 10, 32, 1);
        DeviceArray ids = cuda.ints(3, -1, 9, -2, 11);
        cuda.launch("resolve_tokens", Shape.of(1, 256, 0), ids, cuda.ints(7, -1), 5);
        assertArrayEquals(new int[] {3, 7, 9, -1, 11}, ids.ints());
        DeviceArray out = cuda.allocate(2L * 5 * 32);
        DeviceArray rows = cuda.bf16(table);
        cuda.launch("embed", Shape.of(5, 256, 0), ids, rows, out, 32, 10);
        int[] wanted = {3, 7, 9, -1, -1}; // ids outside of the vocabulary give zeros
        for (int i = 0; i < out.bf16().length; i++) {
            assertEquals(
                    wanted[i / 32] < 0 ? 0 : table[wanted[i / 32] * 32 + i % 32], out.bf16()[i]);
        }
        DeviceArray two = cuda.allocate(2L * 2 * 32);
        cuda.launch("gather_rows", Shape.of(2, 256, 0), rows, cuda.ints(9, 4), two, 64L);
        assertEquals(table[9 * 32 + 5], two.bf16()[5]);
        assertEquals(table[4 * 32 + 31], two.bf16()[63]);
        float[] bias = Numbers.random(random, 1, 32, 1);
        cuda.launch("add_bias", Shape.of(2, 256, 0), two, cuda.floats(bias), 32);
        assertEquals(Numbers.onBf16Grid(table[4 * 32 + 31] + bias[31]), two.bf16()[63]);
    }

    private static void assertClose(
            double[][] expected, float[] actual, double relative, double absolute) {
        int cols = expected[0].length;
        for (int i = 0; i < actual.length; i++) {
            double wanted = expected[i / cols][i % cols];
            assertTrue(
                    Math.abs(actual[i] - wanted) <= relative * Math.abs(wanted) + absolute,
                    "[" + i / cols + ", " + i % cols + "] is " + actual[i] + ", not " + wanted);
        }
    }

    private static void assertQuantised(double[][] expected, float[] actual, float[] scales) {
        for (int r = 0; r < expected.length; r++) {
            assertGroup(
                    expected[r],
                    actual,
                    r * expected[r].length,
                    new int[] {0, expected[r].length},
                    scales[r]);
        }
    }

    private static void assertBlockQuantised(
            double[][] expected, float[] actual, float[] scales, int stride) {
        for (int r = 0; r < expected.length; r++) {
            int cols = expected[r].length;
            for (int c = 0; c < cols; c += 128) {
                int[] range = {c, Math.min(cols, c + 128)};
                assertGroup(expected[r], actual, r * cols, range, scales[c / 128 * stride + r]);
            }
        }
    }

    private static void assertGroup(
            double[] row, float[] actual, int first, int[] range, float scale) {
        double most = 0;
        for (int c = range[0]; c < range[1]; c++) {
            most = Math.max(most, Math.abs(row[c]));
        }
        assertEquals(most / 448, scale, most / 448 * 0.01);
        for (int c = range[0]; c < range[1]; c++) {
            double allowed =
                    E4M3_ROUNDING * Math.abs(row[c]) * 1.1
                            + scale * 0x1p-9
                            + BF16_ROUNDING * Math.abs(row[c]);
            assertEquals(row[c], actual[first + c] * scale, allowed, "column " + c);
        }
    }
}
