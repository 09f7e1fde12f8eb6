package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.backend.BackendPair.Both;
import dev.millrace.engine.model.ForwardInput;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Every op but attention on awkward shapes, the cpu device against the oracle. */
class BackendContractTest {
    private static final long SEED = 20260301;

    /** Half a unit in the last of BF16's 8 bits, relative. */
    private static final double BF16_ROUNDING = 0x1p-9;

    private final BackendPair pair = new BackendPair(SEED, 3);

    @AfterEach
    void close() {
        pair.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1,64,64",
        "3,65,33",
        "17,128,1000",
        "33,100,70",
        "100,768,1280",
        "513,64,200",
        "700,32,130"
    })
    void linearInBf16(int rows, int in, int out) {
        float[][] x = pair.numbers(rows, in, 1f);
        float[][] w = BackendPair.onBf16Grid(pair.numbers(out, in, 0.1f));
        float[] bias = pair.numbers(1, out, 1f)[0];
        Both<Linear> linear = pair.both(b -> b.linear(List.of(BackendPair.bf16("w", w)), bias));
        Both<Buffer> result = apply(linear, x, out);
        pair.assertClose(
                "linear", result, rows, (r, c) -> 4 * BF16_ROUNDING * norm(x[r], w[c]) + 1e-5);
    }

    @ParameterizedTest
    @CsvSource({"1,64,64", "5,65,33", "130,128,300"})
    void linearOfF32CheckpointsIsInF32(int rows, int in, int out) {
        float[][] x = pair.numbers(rows, in, 1000f);
        float[][] w = pair.numbers(out, in, 1f);
        Both<Linear> linear = pair.both(b -> b.linear(List.of(BackendPair.f32("w", w)), null));
        pair.assertClose("linear", apply(linear, x, out), rows, (r, c) -> 1e-5 * norm(x[r], w[c]));
    }

    @Test
    void linearStacksItsParts() {
        float[][] x = pair.numbers(9, 96, 1f);
        float[][] q = BackendPair.onBf16Grid(pair.numbers(128, 96, 0.1f));
        float[][] k = BackendPair.onBf16Grid(pair.numbers(32, 96, 0.1f));
        float[][] v = BackendPair.onBf16Grid(pair.numbers(33, 96, 0.1f));
        List<WeightTensor> parts =
                List.of(
                        BackendPair.bf16("q", q),
                        BackendPair.bf16("k", k),
                        BackendPair.bf16("v", v));
        Both<Linear> linear = pair.both(b -> b.linear(parts, null));
        assertEquals(193, linear.cpu().outFeatures());
        pair.assertClose(
                "linear",
                apply(linear, x, 193),
                9,
                (r, c) ->
                        4
                                * BF16_ROUNDING
                                * norm(x[r], c < 128 ? q[c] : c < 160 ? k[c - 128] : v[c - 160]));
    }

    private Both<Buffer> apply(Both<Linear> linear, float[][] x, int out) {
        Both<Buffer> input = pair.filled(x);
        Both<Buffer> result = pair.empty(x.length, out);
        pair.oracle.linear(linear.oracle(), input.oracle(), result.oracle(), x.length);
        pair.cpu.linear(linear.cpu(), input.cpu(), result.cpu(), x.length);
        return result;
    }

    /**
     * What independent roundings of the terms of a dot product add up to, in units of one rounding.
     */
    private static double norm(float[] x, float[] w) {
        double squares = 0;
        for (int i = 0; i < x.length; i++) {
            squares += (double) x[i] * x[i] * w[i] * w[i];
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @CsvSource({"1,64,1", "3,100,1000", "33,768,1e-4", "100,2048,1e6"})
    void addRmsNorm(int rows, int cols, float size) {
        float[][] residual = pair.numbers(rows, cols, size);
        float[][] delta = pair.numbers(rows, cols, size);
        float[] weight = pair.numbers(1, cols, 1f)[0];
        Both<Vector> norm = pair.both(b -> b.vector(weight));
        Both<Buffer> sum = pair.filled(residual);
        Both<Buffer> change = pair.filled(delta);
        Both<Buffer> out = pair.empty(rows, cols);
        for (int round = 0; round < 2; round++) {
            boolean with = round == 0;
            pair.oracle.addRmsNorm(
                    sum.oracle(),
                    with ? change.oracle() : null,
                    norm.oracle(),
                    1e-5f,
                    out.oracle(),
                    rows);
            pair.cpu.addRmsNorm(
                    sum.cpu(), with ? change.cpu() : null, norm.cpu(), 1e-5f, out.cpu(), rows);
            pair.assertClose("residual", sum, rows, (r, c) -> 0);
            pair.assertClose("norm", out, rows, (r, c) -> 2e-5 * Math.abs(weight[c]) + 1e-6);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,64,1", "3,33,10", "17,100,100", "100,2048,1"})
    void siluMul(int rows, int cols, float size) {
        float[][] gateUp = pair.numbers(rows, 2 * cols, size);
        Both<Buffer> in = pair.filled(gateUp);
        Both<Buffer> out = pair.empty(rows, cols);
        pair.oracle.siluMul(in.oracle(), out.oracle(), rows);
        pair.cpu.siluMul(in.cpu(), out.cpu(), rows);
        pair.assertClose(
                "siluMul",
                out,
                rows,
                (r, c) -> 1e-6 * Math.abs(gateUp[r][c] * gateUp[r][cols + c]) + 1e-30);
    }

    static Stream<Arguments> expertCases() {
        return Stream.of(
                Arguments.of(1, 8, 2, true),
                Arguments.of(3, 4, 1, false),
                Arguments.of(33, 8, 2, true),
                Arguments.of(100, 5, 3, false));
    }

    @ParameterizedTest
    @MethodSource("expertCases")
    void experts(int rows, int numExperts, int perToken, boolean renormalise) {
        int hidden = 64;
        int intermediate = 48;
        float[][] x = pair.numbers(rows, hidden, 1f);
        float[][] router = BackendPair.onBf16Grid(pair.numbers(numExperts, hidden, 0.3f));
        List<WeightTensor> gateUp = new ArrayList<>();
        List<WeightTensor> down = new ArrayList<>();
        for (int e = 0; e < numExperts; e++) {
            gateUp.add(
                    BackendPair.bf16(
                            "gateUp" + e,
                            BackendPair.onBf16Grid(pair.numbers(2 * intermediate, hidden, 0.1f))));
            down.add(
                    BackendPair.bf16(
                            "down" + e,
                            BackendPair.onBf16Grid(pair.numbers(hidden, intermediate, 0.1f))));
        }
        Both<Experts> experts =
                pair.both(
                        b ->
                                new Experts(
                                        b.router(BackendPair.bf16("router", router)),
                                        gateUp.stream()
                                                .map(w -> b.linear(List.of(w), null))
                                                .toArray(Linear[]::new),
                                        down.stream()
                                                .map(w -> b.linear(List.of(w), null))
                                                .toArray(Linear[]::new),
                                        perToken,
                                        renormalise));
        Both<Buffer> in = pair.filled(x);
        Both<Buffer> out = pair.empty(rows, hidden);
        pair.oracle.experts(experts.oracle(), in.oracle(), out.oracle(), rows);
        pair.cpu.experts(experts.cpu(), in.cpu(), out.cpu(), rows);
        double[] size = rowSizes(out.oracle(), rows);
        pair.assertClose("experts", out, rows, (r, c) -> 0.02 * size[r]);
    }

    private double[] rowSizes(Buffer buffer, int rows) {
        double[] sizes = new double[rows];
        float[] values = new float[buffer.cols()];
        for (int r = 0; r < rows; r++) {
            pair.oracle.read(buffer, r, values);
            for (float value : values) {
                sizes[r] = Math.max(sizes[r], Math.abs(value));
            }
        }
        return sizes;
    }

    @Test
    void embedAndGatherCopyRows() {
        float[][] table = BackendPair.onBf16Grid(pair.numbers(50, 40, 1f));
        ForwardInput input = new ForwardInput(4, 1);
        input.numTokens = 4;
        System.arraycopy(new int[] {49, 0, 7, 7}, 0, input.tokenIds, 0, 4);
        for (WeightTensor tensor :
                List.of(BackendPair.f32("table", table), BackendPair.bf16("table", table))) {
            Buffer embedded = pair.cpu.allocate(4, 40);
            pair.cpu.embed(pair.cpu.embedding(tensor), input, embedded);
            Buffer gathered = pair.cpu.allocate(2, 40);
            pair.cpu.gather(embedded, new int[] {0, 2}, 2, gathered);
            float[] row = new float[40];
            pair.cpu.read(gathered, 1, row);
            assertArrayEquals(table[7], row);
            pair.cpu.read(gathered, 0, row);
            assertArrayEquals(table[49], row);
        }
        input.tokenIds[2] = 50;
        Linear embedding = pair.cpu.embedding(BackendPair.f32("table", table));
        Buffer out = pair.cpu.allocate(4, 40);
        String message =
                assertThrows(
                                IllegalArgumentException.class,
                                () -> pair.cpu.embed(embedding, input, out))
                        .getMessage();
        assertTrue(message.contains("50"), message);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void oneThreadGivesTheSameBitsAsMany(int threads) {
        float[][] x = pair.numbers(40, 256, 1f);
        float[][] w = BackendPair.onBf16Grid(pair.numbers(600, 256, 0.1f));
        float[][] many = cpuProduct(pair, x, w);
        try (BackendPair other = new BackendPair(SEED, threads)) {
            assertArrayEquals(many, cpuProduct(other, x, w));
        }
    }

    private static float[][] cpuProduct(BackendPair pair, float[][] x, float[][] w) {
        Buffer out = pair.cpu.allocate(x.length, w.length);
        pair.cpu.linear(
                pair.cpu.linear(List.of(BackendPair.bf16("w", w)), null),
                pair.filled(x).cpu(),
                out,
                x.length);
        float[][] result = new float[x.length][w.length];
        for (int r = 0; r < x.length; r++) {
            pair.cpu.read(out, r, result[r]);
        }
        return result;
    }

    @Test
    void wrongShapesAreNamed() {
        Linear linear = pair.cpu.linear(List.of(BackendPair.f32("w", new float[8][16])), null);
        Buffer in = pair.cpu.allocate(4, 16);
        Buffer out = pair.cpu.allocate(4, 8);
        pair.cpu.linear(linear, in, out, 4);
        assertMessage("rows of in is 5", () -> pair.cpu.linear(linear, in, out, 5));
        assertMessage("columns of in is 8, not 16", () -> pair.cpu.linear(linear, out, out, 4));
        assertMessage("columns of out is 16, not 8", () -> pair.cpu.linear(linear, in, in, 4));
        assertMessage("columns of gateUp is 16, not 32", () -> pair.cpu.siluMul(in, in, 4));
        assertMessage(
                "bias of w is 7, not 8",
                () ->
                        pair.cpu.linear(
                                List.of(BackendPair.f32("w", new float[8][16])), new float[7]));
    }

    private static void assertMessage(String part, Runnable op) {
        String message = assertThrows(IllegalArgumentException.class, op::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
