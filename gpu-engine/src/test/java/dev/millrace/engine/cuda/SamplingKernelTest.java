package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.cuda.EmulatedCuda.Shape;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;
import dev.millrace.engine.sampling.Sampler;
import dev.millrace.engine.sampling.Uniforms;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;

/** Token for token what {@link Sampler} chooses, with the same seeds. */
class SamplingKernelTest {
    private final Random random = new Random(11);
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

    /** One row: how to choose, the tokens so far, the last of which the host may not know yet. */
    private record Row(SamplingParams params, int[] tokens, int prompt, boolean late, int choice) {}

    private static SamplingParams params(
            double temperature,
            double topP,
            int topK,
            double minP,
            double[] penalties,
            Map<Integer, Float> bias) {
        return new SamplingParams(
                1,
                temperature,
                topP,
                topK,
                minP,
                penalties[0],
                penalties[1],
                penalties[2],
                bias,
                5,
                List.of(),
                List.of(),
                1,
                Double.doubleToLongBits(temperature + topP),
                false,
                true);
    }

    private Row randomRow(int vocab) {
        double[] temperatures = {0, 0.1, 0.7, 1, 1.5};
        double[] topPs = {1, 0.95, 0.5, 0.01, 0.999};
        int[] topKs = {0, 1, 5, 50, vocab};
        double[] minPs = {0, 0, 0.05, 0.9};
        Map<Integer, Float> bias = new HashMap<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            bias.put(random.nextInt(vocab), random.nextInt(20) - 10f);
        }
        double[] off = {1, 0, 0};
        double[] on = {1.3, random.nextInt(3) - 1, 0.5};
        SamplingParams params =
                params(
                        temperatures[random.nextInt(5)],
                        topPs[random.nextInt(5)],
                        topKs[random.nextInt(5)],
                        minPs[random.nextInt(4)],
                        random.nextBoolean() ? on : off,
                        bias);
        int[] tokens = random.ints(2 + random.nextInt(20), 0, Math.min(vocab, 12)).toArray();
        return new Row(
                params,
                tokens,
                random.nextInt(tokens.length - 1),
                random.nextBoolean(),
                random.nextInt(3));
    }

    /**
     * @param steps how many different logits there are: few make many ties
     */
    @ParameterizedTest
    @CsvSource({"1000, 1000000", "1025, 4", "33, 3", "5000, 40", "1, 1"})
    void choosesWhatTheSamplerChooses(int vocab, int steps) {
        int rows = 24;
        int stride = vocab + 3;
        float[] logits = new float[rows * stride];
        List<Row> list = new ArrayList<>();
        List<Integer> expected = new ArrayList<>();
        Sampler sampler = new Sampler(vocab);
        for (int r = 0; r < rows; r++) {
            list.add(randomRow(vocab));
            float[] row = new float[vocab];
            for (int i = 0; i < vocab; i++) {
                row[i] =
                        steps > 1000
                                ? (float) random.nextGaussian() * 3
                                : random.nextInt(steps) - 1;
            }
            System.arraycopy(row, 0, logits, r * stride, vocab);
            expected.add(sampler.sample(row, sampleRow(list.get(r))).tokenId());
        }
        DeviceArray scores = cuda.floats(logits);
        penalise(scores, stride, list);
        int[] actual = sample(scores, stride, vocab, list);
        for (int r = 0; r < rows; r++) {
            assertEquals(expected.get(r), actual[r], "row " + r + ": " + list.get(r).params());
        }
        if (vocab > 100) {
            assertTrue(
                    expected.stream().distinct().count() > 5,
                    "the rows hardly differ: " + expected);
        }
    }

    private static SampleRow sampleRow(Row row) {
        double uniform = Uniforms.at(row.params.seed(), row.choice, row.tokens.length);
        return new SampleRow(row.params, row.tokens, row.prompt, row.tokens.length, uniform);
    }

    private void penalise(DeviceArray scores, long stride, List<Row> rows) {
        Lists lists = new Lists();
        List<Integer> sampled = new ArrayList<>(List.of(-7));
        for (Row row : rows) {
            row.params
                    .logitBias()
                    .forEach(
                            (token, value) -> {
                                lists.biasTokens.add(token);
                                lists.biasValues.add(value);
                            });
            boolean late = row.late && row.prompt < row.tokens.length;
            Map<Integer, Integer> counts = new TreeMap<>();
            for (int i = 0; i < row.tokens.length - (late ? 1 : 0); i++) {
                counts.merge(row.tokens[i], i >= row.prompt ? 1 : 0, Integer::sum);
            }
            lists.historyTokens.addAll(counts.keySet());
            lists.historyCounts.addAll(counts.values());
            lists.lateRow.add(late ? sampled.size() : -1);
            sampled.add(row.tokens[row.tokens.length - 1]);
            lists.biasStart.add(lists.biasTokens.size());
            lists.historyStart.add(lists.historyTokens.size());
        }
        cuda.launch(
                "bias_penalties",
                Shape.of(rows.size(), 256, 16),
                scores,
                stride,
                ints(lists.biasStart),
                ints(lists.biasTokens),
                floats(lists.biasValues),
                ints(lists.historyStart),
                ints(lists.historyTokens),
                ints(lists.historyCounts),
                ints(lists.lateRow),
                ints(sampled),
                doubles(rows, SamplingParams::repetitionPenalty),
                doubles(rows, SamplingParams::frequencyPenalty),
                doubles(rows, SamplingParams::presencePenalty));
    }

    /** The ragged lists of bias_penalties. */
    private static final class Lists {
        final List<Integer> biasStart = new ArrayList<>(List.of(0));
        final List<Integer> biasTokens = new ArrayList<>();
        final List<Float> biasValues = new ArrayList<>();
        final List<Integer> historyStart = new ArrayList<>(List.of(0));
        final List<Integer> historyTokens = new ArrayList<>();
        final List<Integer> historyCounts = new ArrayList<>();
        final List<Integer> lateRow = new ArrayList<>();
    }

    private int[] sample(DeviceArray scores, long stride, int vocab, List<Row> rows) {
        DeviceArray out = cuda.allocate(4L * rows.size());
        double[] uniforms =
                rows.stream()
                        .mapToDouble(r -> Uniforms.at(r.params.seed(), r.choice, r.tokens.length))
                        .toArray();
        int[] topK = rows.stream().mapToInt(r -> r.params.topK()).toArray();
        cuda.launch(
                "sample",
                Shape.of(rows.size(), 256, 4608 + 8 * ((vocab + 1023) / 1024)),
                scores,
                stride,
                vocab,
                doubles(rows, SamplingParams::temperature),
                cuda.ints(topK),
                doubles(rows, SamplingParams::topP),
                doubles(rows, SamplingParams::minP),
                cuda.doubles(uniforms),
                out);
        return out.ints();
    }

    private DeviceArray ints(List<Integer> values) {
        return cuda.ints(values.stream().mapToInt(i -> i).toArray());
    }

    private DeviceArray floats(List<Float> values) {
        float[] array = new float[values.size()];
        for (int i = 0; i < array.length; i++) {
            array[i] = values.get(i);
        }
        return cuda.floats(array);
    }

    private DeviceArray doubles(List<Row> rows, ToDoubleFunction<SamplingParams> field) {
        return cuda.doubles(rows.stream().map(Row::params).mapToDouble(field).toArray());
    }

    /**
     * Inversion over many draws has the right frequencies, and the draws differ by position alone.
     */
    @Test
    void drawsFollowTheDistribution() {
        int rows = 400;
        float[] logits = new float[rows * 3];
        List<Row> list = new ArrayList<>();
        SamplingParams params = params(1, 1, 0, 0, new double[] {1, 0, 0}, Map.of());
        for (int r = 0; r < rows; r++) {
            logits[3 * r + 1] = (float) Math.log(2);
            logits[3 * r + 2] = Float.NEGATIVE_INFINITY;
            list.add(new Row(params, new int[r + 1], 0, false, 0));
        }
        int[] counts = new int[3];
        for (int token : sample(cuda.floats(logits), 3, 3, list)) {
            counts[token]++;
        }
        assertEquals(0, counts[2]);
        assertEquals(rows * 2 / 3.0, counts[1], 3 * Math.sqrt(rows * 2 / 9.0));
    }

    @Test
    void whatCannotBeSampledIsSaid() {
        float inf = Float.POSITIVE_INFINITY;
        float[] logits = {1, Float.NaN, 2, 0, inf, 1, -inf, -inf, -inf, -inf, 5, -inf, 2, 7, 7};
        DeviceArray out = cuda.allocate(20);
        cuda.launch("argmax", Shape.of(5, 256, 512), cuda.floats(logits), 3L, 3, out);
        assertArrayEquals(new int[] {-1, -1, -1, 1, 1}, out.ints());
        SamplingParams params = params(1, 0.5, 0, 0, new double[] {1, 0, 0}, Map.of());
        List<Row> rows = new ArrayList<>();
        for (int r = 0; r < 4; r++) {
            rows.add(new Row(params, new int[1], 0, false, 0));
        }
        assertArrayEquals(new int[] {-1, -1, -1, 1}, sample(cuda.floats(logits), 3, 3, rows));
    }

    @Test
    void masksForbid() {
        DeviceArray scores = cuda.floats(new float[3 * 40]);
        cuda.launch(
                "mask_logits",
                Shape.of(3, 256, 0),
                scores,
                40L,
                cuda.ints(1, -1, 0),
                cuda.ints(-1, 0, 0b1010, 0b10000000),
                40);
        float[] after = scores.floats();
        for (int i = 0; i < 40; i++) {
            assertEquals(i == 1 || i == 3 || i == 39 ? 0 : Float.NEGATIVE_INFINITY, after[i]);
            assertEquals(0, after[40 + i]);
            assertEquals(i < 32 ? 0 : Float.NEGATIVE_INFINITY, after[80 + i]);
        }
    }

    @Test
    void logProbabilities() {
        int vocab = 300;
        float[] logits = new float[2 * vocab];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = random.nextInt(8); // ties: the lower id first
        }
        DeviceArray chosen = cuda.allocate(16);
        DeviceArray ids = cuda.allocate(4L * 2 * 5);
        DeviceArray tops = cuda.allocate(8L * 2 * 5);
        cuda.launch(
                "log_probs",
                Shape.of(2, 256, 1024),
                cuda.floats(logits),
                (long) vocab,
                vocab,
                cuda.ints(17, 299),
                5,
                chosen,
                ids,
                tops);
        Sampler sampler = new Sampler(vocab);
        for (int r = 0; r < 2; r++) {
            float[] row = Arrays.copyOfRange(logits, r * vocab, (r + 1) * vocab);
            SamplingParams params = params(0, 1, 0, 0, new double[] {1, 0, 0}, Map.of());
            SampledToken expected = sampler.sample(row, new SampleRow(params, new int[1], 1, 1, 0));
            double greedy = expected.topLogprobs()[0];
            assertEquals(
                    greedy + row[r == 0 ? 17 : 299] - row[expected.tokenId()],
                    chosen.doubles()[r],
                    1e-12);
            for (int k = 0; k < 5; k++) {
                assertEquals(expected.topTokenIds()[k], ids.ints()[r * 5 + k]);
                assertEquals(expected.topLogprobs()[k], tops.doubles()[r * 5 + k], 1e-12);
            }
        }
    }
}
