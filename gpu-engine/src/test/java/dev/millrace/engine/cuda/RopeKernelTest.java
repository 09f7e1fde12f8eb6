package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.cuda.EmulatedCuda.Shape;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Random;

/** Bias, norm of heads, rotation, and the store into the cache. */
class RopeKernelTest {
    private final Random random = new Random(7);

    @ParameterizedTest
    @CsvSource({
        "true, 64, 4, 2, true, true",
        "true, 128, 5, 1, false, true",
        "false, 64, 3, 3, true, false",
        "false, 128, 8, 2, true, true"
    })
    void splitsRotatesAndStores(
            boolean fp8, int dim, int heads, int kvHeads, boolean biased, boolean normed)
            throws Exception {
        try (EmulatedCuda cuda = EmulatedCuda.open()) {
            int[] positions = {0, 3, 17, 4};
            int cols = (heads + 2 * kvHeads) * dim;
            float[] qkv = Numbers.random(random, 4, cols, 1);
            float[] bias = Numbers.random(random, 1, cols, 0.5f);
            float[] qNorm = Numbers.random(random, 1, dim, 1);
            float[] kNorm = Numbers.random(random, 1, dim, 1);
            float[] cos = new float[20 * dim / 2];
            float[] sin = new float[20 * dim / 2];
            fillAngles(cos, sin, dim);
            PagedCache cache = new PagedCache(random, fp8, kvHeads, dim, 5, new int[] {18});
            int[] slots = {slot(cache, 0), slot(cache, 3), slot(cache, 17), -1};
            DeviceArray row = cuda.bf16(qkv);
            DeviceArray kv = cache.device(cuda);
            Object biases = biased ? cuda.floats(bias) : EmulatedCuda.NULL;
            Object qWeight = normed ? cuda.floats(qNorm) : EmulatedCuda.NULL;
            Object kWeight = normed ? cuda.floats(kNorm) : EmulatedCuda.NULL;
            DeviceArray kScale = cuda.floats(cache.kScale);
            DeviceArray vScale = cuda.floats(cache.vScale);
            DeviceArray[] at = {cuda.ints(positions), cuda.ints(slots)};
            DeviceArray[] angles = {cuda.floats(cos), cuda.floats(sin)};
            Object[] args = {
                row, biases, qWeight, kWeight, 1e-6f, angles[0], angles[1], at[0], at[1], kv, kScale,
                vScale, heads, kvHeads, dim, 5
            };
            String kernel = fp8 ? "qkv_rope_store_fp8" : "qkv_rope_store_bf16";
            cuda.launch(kernel, Shape.of(4, 256, 0), args);
            assertStoredOnly(cache.device(cuda).raw(), kv.raw(), 3 * 2 * kvHeads * dim * (fp8 ? 1 : 2));
            cache.read(kv);
            float[] after = row.bf16();
            for (int i = 0; i < 4 * (heads + 2 * kvHeads); i++) {
                int t = i / (heads + 2 * kvHeads);
                int head = i % (heads + 2 * kvHeads);
                double[] x = new double[dim];
                for (int d = 0; d < dim; d++) {
                    int col = head * dim + d;
                    x[d] = qkv[t * cols + col] + (biased ? bias[col] : 0);
                }
                if (head < heads + kvHeads) {
                    float[] norm = head < heads ? qNorm : kNorm;
                    rotate(x, normed ? norm : null, cos, sin, positions[t]);
                }
                for (int d = 0; d < dim; d++) {
                    int[] place = {t, head - heads, positions[t], d};
                    assertElement(cache, after[t * cols + head * dim + d], x[d], place);
                }
            }
        }
    }

    private static void fillAngles(float[] cos, float[] sin, int dim) {
        for (int i = 0; i < cos.length; i++) {
            double angle = i / (dim / 2) * Math.pow(10000, -2.0 * (i % (dim / 2)) / dim);
            cos[i] = (float) Math.cos(angle);
            sin[i] = (float) Math.sin(angle);
        }
    }

    /**
     * @param at token, head behind the query heads, position, dimension
     */
    private static void assertElement(PagedCache cache, float inPlace, double wanted, int[] at) {
        int head = at[1];
        if (head < 0) {
            assertEquals(wanted, inPlace, 0x1p-8 * Math.abs(wanted) + 1e-6);
        } else if (at[0] < 3) {
            boolean isValue = head >= cache.kvHeads;
            double actual =
                    isValue
                            ? cache.value(0, at[2], head - cache.kvHeads, at[3])
                            : cache.key(0, at[2], head, at[3]);
            double allowed =
                    (cache.fp8 ? 0x1p-4 : 0x1p-8) * Math.abs(wanted) + (cache.fp8 ? 0x1p-9 : 1e-6);
            assertEquals(
                    wanted,
                    actual,
                    allowed,
                    "token " + at[0] + ", head " + head + ", dimension " + at[3]);
        }
    }

    private static void assertStoredOnly(byte[] before, byte[] after, int most) {
        int changed = 0;
        for (int i = 0; i < before.length; i++) {
            changed += before[i] != after[i] ? 1 : 0;
        }
        assertTrue(
                changed > most / 2 && changed <= most,
                changed + " bytes changed, of at most " + most);
    }

    private static int slot(PagedCache cache, int position) {
        return cache.tables[0][position / 5] * 5 + position % 5;
    }

    private static void rotate(double[] x, float[] norm, float[] cos, float[] sin, int position) {
        int half = x.length / 2;
        if (norm != null) {
            double squares = 0;
            for (double value : x) {
                squares += value * value;
            }
            for (int d = 0; d < x.length; d++) {
                x[d] *= norm[d] / Math.sqrt(squares / x.length + 1e-6);
            }
        }
        for (int i = 0; i < half; i++) {
            double first = x[i];
            x[i] = first * cos[position * half + i] - x[half + i] * sin[position * half + i];
            x[half + i] = x[half + i] * cos[position * half + i] + first * sin[position * half + i];
        }
    }
}
