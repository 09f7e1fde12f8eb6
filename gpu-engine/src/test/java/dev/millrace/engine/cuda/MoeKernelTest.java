package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.cuda.EmulatedCuda.Shape;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/** Routing, sorting by expert and the grouped products, each against the plain computation. */
class MoeKernelTest {
    private final Random random = new Random(17);
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

    @ParameterizedTest
    @CsvSource({
        "1, 8, 2, 64, true",
        "9, 5, 3, 112, false",
        "33, 130, 8, 272, true",
        "7, 4, 4, 32, true"
    })
    void routes(int tokens, int experts, int perToken, int hidden, boolean renormalise) {
        float[] x = Numbers.random(random, tokens, hidden, 1);
        float[] router = Numbers.random(random, experts, hidden, 0.1f);
        DeviceArray logits = cuda.allocate(4L * tokens * experts);
        cuda.launch(
                "moe_router",
                Shape.of((tokens + 7) / 8, 256, 0),
                cuda.bf16(x),
                cuda.floats(router),
                logits,
                tokens,
                hidden,
                experts);
        float[] values = logits.floats();
        for (int i = 0; i < values.length; i++) {
            double sum = 0;
            for (int c = 0; c < hidden; c++) {
                sum += (double) x[i / experts * hidden + c] * router[i % experts * hidden + c];
            }
            assertEquals(sum, values[i], 1e-4);
        }
        for (int e = 1; e < experts; e += 3) {
            values[e] = values[0]; // ties in the first row: the lower index first
        }
        DeviceArray ids = cuda.allocate(4L * tokens * perToken);
        DeviceArray weights = cuda.allocate(4L * tokens * perToken);
        cuda.launch(
                "moe_route",
                Shape.of((tokens + 3) / 4, 128, 16 * experts),
                cuda.floats(values),
                ids,
                weights,
                tokens,
                experts,
                perToken,
                renormalise ? 1 : 0);
        for (int t = 0; t < tokens; t++) {
            float[] row = Arrays.copyOfRange(values, t * experts, (t + 1) * experts);
            int[] best = best(row, perToken);
            double total = sum(experts, e -> Math.exp(row[e]));
            double kept = sum(perToken, i -> Math.exp(row[best[i]]) / total);
            for (int i = 0; i < perToken; i++) {
                double share = Math.exp(row[best[i]]) / total / (renormalise ? kept : 1);
                assertEquals(best[i], ids.ints()[t * perToken + i]);
                assertEquals(share, weights.floats()[t * perToken + i], 1e-5);
            }
        }
    }

    /** Indices of the largest values; of equal ones the lower first, for the sort is stable. */
    private static int[] best(float[] values, int count) {
        return IntStream.range(0, values.length)
                .boxed()
                .sorted((a, b) -> Float.compare(values[b], values[a]))
                .limit(count)
                .mapToInt(i -> i)
                .toArray();
    }

    /** Sorted by expert, stable; tiles of 64 rows that never straddle two experts. */
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "5, 8, 2", "300, 7, 3", "700, 40, 1"})
    void sortsByExpert(int tokens, int experts, int perToken) {
        int n = tokens * perToken;
        int[] ids = random.ints(n, 0, Math.max(1, experts - 2)).map(e -> e * e % experts).toArray();
        Plan plan = plan(ids, experts);
        int[] order =
                IntStream.range(0, n)
                        .boxed()
                        .sorted((a, b) -> Integer.compare(ids[a], ids[b]))
                        .mapToInt(i -> i)
                        .toArray();
        assertArrayEquals(order, plan.assignmentAt.ints());
        int[] places = plan.placeOf.ints();
        for (int p = 0; p < n; p++) {
            assertEquals(p, places[order[p]]);
        }
        int[] offsets = plan.offsets.ints();
        int[] tiles = plan.tiles.ints();
        int covered = 0;
        for (int t = 0; t < tiles.length / 2 && tiles[2 * t] >= 0; t++) {
            assertEquals(covered, tiles[2 * t + 1]);
            covered = Math.min(covered + 64, offsets[tiles[2 * t] + 1]);
            assertTrue(tiles[2 * t + 1] >= offsets[tiles[2 * t]] && covered > tiles[2 * t + 1]);
        }
        assertEquals(n, covered);
        assertEquals(n, offsets[experts]);
    }

    /** Where every assignment went. */
    private record Plan(
            DeviceArray offsets,
            DeviceArray tiles,
            int maxTiles,
            DeviceArray assignmentAt,
            DeviceArray placeOf) {}

    private Plan plan(int[] ids, int experts) {
        int n = ids.length;
        int chunks = (n + 255) / 256;
        int maxTiles = (n + 63) / 64 + experts;
        DeviceArray deviceIds = cuda.ints(ids);
        DeviceArray counts = cuda.allocate(4L * chunks * experts);
        Plan plan =
                new Plan(
                        cuda.allocate(4L * (experts + 1)),
                        cuda.allocate(8L * maxTiles),
                        maxTiles,
                        cuda.allocate(4L * n),
                        cuda.allocate(4L * n));
        cuda.launch("moe_count", Shape.of(chunks, 256, 4 * experts), deviceIds, counts, n, experts);
        cuda.launch(
                "moe_offsets",
                Shape.of(1, 1024, 8 * experts + 8),
                counts,
                plan.offsets,
                plan.tiles,
                chunks,
                experts,
                maxTiles);
        cuda.launch(
                "moe_place",
                Shape.of(chunks, 256, 1024),
                deviceIds,
                counts,
                plan.assignmentAt,
                plan.placeOf,
                n,
                experts);
        return plan;
    }

    /** Everything that the grouped products share. */
    private final class Grouped {
        final int n;
        final int k;
        final int perToken;
        final Plan plan;
        final Matrix a;
        final Stacked stacked;
        final Shape shape;
        final DeviceArray out;
        private final int[] order;
        private final int[] ids;
        private final Matrix[] w;

        Grouped(int tokens, int experts, int perToken, int k, int n) {
            this.n = n;
            this.k = k;
            this.perToken = perToken;
            ids = random.ints(tokens * perToken, 0, experts).toArray();
            plan = plan(ids, experts);
            order = plan.assignmentAt.ints();
            a = new Matrix(random, tokens, k);
            w = new Matrix[experts];
            Arrays.setAll(w, e -> new Matrix(random, n, k));
            stacked = new Stacked(w);
            shape = new Shape((n + 127) / 128, plan.maxTiles, 128, 46080);
            out = cuda.allocate(2L * ids.length * n);
        }

        /** Makes every result NaN again. */
        void forget() {
            try (Arena arena = Arena.ofConfined()) {
                out.write(arena.allocate(out.bytes()).fill((byte) -1));
            }
        }

        /**
         * Compares with the sums of products of elements as they are scaled by `left` and `right`.
         */
        void check(Element left, Element right) {
            compare(
                    out.bf16(),
                    n,
                    (p, c) -> {
                        Matrix expert = w[ids[order[p]]];
                        int token = order[p] / perToken;
                        return sum(k, i -> left.of(a, token, i) * right.of(expert, c, i));
                    });
        }
    }

    private interface Element {
        double of(Matrix matrix, int row, int k);
    }

    @ParameterizedTest
    @CsvSource({
        "5, 4, 2, 64, 48",
        "40, 3, 2, 144, 130",
        "90, 2, 1, 208, 16",
        "1, 9, 1, 16, 131",
        "129, 1, 1, 656, 136"
    })
    void groupedProducts(int tokens, int experts, int perToken, int k, int n) {
        Grouped g = new Grouped(tokens, experts, perToken, k, n);
        DeviceArray wide = cuda.bf16(g.a.bf16);
        DeviceArray weights = cuda.bf16(g.stacked.bf16);
        Plan plan = g.plan;
        Object[] bf16 = {
            wide, plan.assignmentAt, perToken, weights, plan.offsets, plan.tiles, g.out, n, k
        };
        cuda.launch("moe_gemm_bf16", g.shape, bf16);
        g.check(Matrix::wide, Matrix::wide);
        DeviceArray a8 = cuda.bytes(g.a.e4m3);
        DeviceArray w8 = cuda.bytes(g.stacked.e4m3);
        DeviceArray aScale = cuda.floats(g.a.rowScales);
        DeviceArray wScale = cuda.floats(g.stacked.rowScales);
        Object[] fp8 = {
            a8, aScale, plan.assignmentAt, perToken, w8, wScale, plan.offsets, plan.tiles, g.out, n, k
        };
        Shape warpGroup = new Shape(g.shape.gridX(), g.shape.gridY(), 128, 98304);
        cuda.launch("moe_gemm_fp8", g.shape, fp8);
        g.check(Matrix::byRow, Matrix::byRow);
        g.forget();
        cuda.launch("moe_gemm_sm90_fp8", warpGroup, fp8);
        g.check(Matrix::byRow, Matrix::byRow);
        DeviceArray groups = cuda.floats(g.a.groupScales(tokens));
        DeviceArray blocks = cuda.floats(g.stacked.blockScales);
        Object[] block = {
            a8,
            groups,
            tokens,
            plan.assignmentAt,
            perToken,
            w8,
            blocks,
            plan.offsets,
            plan.tiles,
            g.out,
            n,
            k
        };
        cuda.launch("moe_gemm_fp8_block", g.shape, block);
        g.check(Matrix::byGroup, Matrix::byBlock);
        g.forget();
        cuda.launch("moe_gemm_sm90_fp8_block", warpGroup, block);
        g.check(Matrix::byGroup, Matrix::byBlock);
    }

    /**
     * Rows that are sorted already are taken as they lie, and the weighted sum brings them back to
     * their tokens.
     */
    @ParameterizedTest
    @CsvSource({"6, 3, 2, 32", "70, 2, 1, 48"})
    void sortedRowsAndTheWeightedSum(int tokens, int experts, int perToken, int hidden) {
        int[] ids = random.ints(tokens * perToken, 0, experts).toArray();
        Plan plan = plan(ids, experts);
        int[] order = plan.assignmentAt.ints();
        Matrix a = new Matrix(random, ids.length, hidden);
        Matrix[] w =
                IntStream.range(0, experts)
                        .mapToObj(e -> new Matrix(random, hidden, hidden))
                        .toArray(Matrix[]::new);
        DeviceArray down = cuda.allocate(2L * ids.length * hidden);
        cuda.launch(
                "moe_gemm_bf16",
                new Shape(1, plan.maxTiles, 128, 46080),
                cuda.bf16(a.bf16),
                EmulatedCuda.NULL,
                perToken,
                cuda.bf16(new Stacked(w).bf16),
                plan.offsets,
                plan.tiles,
                down,
                hidden,
                hidden);
        compare(
                down.bf16(),
                hidden,
                (p, c) -> sum(hidden, i -> a.wide(p, i) * w[ids[order[p]]].wide(c, i)));
        float[] weights = Numbers.random(random, 1, ids.length, 1);
        DeviceArray out = cuda.allocate(2L * tokens * hidden);
        cuda.launch(
                "moe_combine",
                Shape.of(tokens, 256, 0),
                down,
                plan.placeOf,
                cuda.floats(weights),
                out,
                hidden,
                perToken);
        float[] rows = down.bf16();
        int[] places = plan.placeOf.ints();
        compare(
                out.bf16(),
                hidden,
                (t, c) ->
                        IntStream.range(t * perToken, (t + 1) * perToken)
                                .mapToDouble(
                                        i -> (double) weights[i] * rows[places[i] * hidden + c])
                                .sum());
    }

    /** The experts' weights one after the other. */
    private static final class Stacked {
        final float[] bf16;
        final byte[] e4m3;
        final float[] rowScales;
        final float[] blockScales;

        Stacked(Matrix[] experts) {
            int rows = experts[0].rows;
            int cols = experts[0].cols;
            int blocks = (rows + 127) / 128 * ((cols + 127) / 128);
            bf16 = new float[experts.length * rows * cols];
            e4m3 = new byte[bf16.length];
            rowScales = new float[experts.length * rows];
            blockScales = new float[experts.length * blocks];
            for (int e = 0; e < experts.length; e++) {
                System.arraycopy(experts[e].bf16, 0, bf16, e * rows * cols, rows * cols);
                System.arraycopy(experts[e].e4m3, 0, e4m3, e * rows * cols, rows * cols);
                System.arraycopy(experts[e].rowScales, 0, rowScales, e * rows, rows);
                System.arraycopy(experts[e].blockScales, 0, blockScales, e * blocks, blocks);
            }
        }
    }

    private interface Term {
        double at(int k);
    }

    private interface Wanted {
        double at(int row, int col);
    }

    private static double sum(int count, Term term) {
        double sum = 0;
        for (int k = 0; k < count; k++) {
            sum += term.at(k);
        }
        return sum;
    }

    private static void compare(float[] actual, int cols, Wanted wanted) {
        for (int i = 0; i < actual.length; i++) {
            double value = wanted.at(i / cols, i % cols);
            assertEquals(
                    value,
                    actual[i],
                    0x1p-8 * Math.abs(value) + 1e-3,
                    "[" + i / cols + ", " + i % cols + "]");
        }
    }
}
