package dev.millrace.engine.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.SamplingParams;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

class SamplerTest {
    private static final double NO_TEMPERATURE = 1;

    /** transformers' own distributions, one filter at a time. */
    @Test
    void agreesWithTheReference() throws IOException {
        JsonNode cases = golden().get("cases");
        double worst = 0;
        for (JsonNode golden : cases) {
            float[] logits = floats(golden.get("logits"));
            double[] actual = new Sampler(logits.length).probabilities(logits, goldenRow(golden));
            for (int i = 0; i < actual.length; i++) {
                worst =
                        Math.max(
                                worst,
                                Math.abs(
                                        actual[i] - golden.get("probabilities").get(i).asDouble()));
            }
            assertTrue(
                    worst < 1e-6,
                    () -> "case " + golden.toString().replaceAll("\"logits\":\\[.*?],", ""));
        }
        assertEquals(59, cases.size());
    }

    /** Positive control: the comparison above sees a filter that is off by a little. */
    @Test
    void aWrongFilterIsSeen() throws IOException {
        double worst = 0;
        for (JsonNode golden : golden().get("cases")) {
            if (golden.path("top_k").asInt() == 3) {
                float[] logits = floats(golden.get("logits"));
                double[] wrong =
                        new Sampler(logits.length)
                                .probabilities(logits, row(params(1, 1, 4, 0), 0.5));
                int best = best(logits);
                worst =
                        Math.max(
                                worst,
                                Math.abs(
                                        wrong[best]
                                                - golden.get("probabilities")
                                                        .get(best)
                                                        .asDouble()));
            }
        }
        assertTrue(worst > 1e-3, "difference " + worst);
    }

    @Test
    void greedyTakesTheLowestOfEqualIds() {
        SampledToken token =
                new Sampler(5)
                        .sample(new float[] {1, 7, 3, 7, 7}, row(SamplingParams.greedy(1), 0.99));
        assertEquals(1, token.tokenId());
        assertTrue(Double.isNaN(token.logprob()));
    }

    @Test
    void logitsThatAreNoNumbersChooseNothing() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            float[] logits = {1, bad, 3};
            assertEquals(
                    SampledToken.INVALID,
                    new Sampler(3).sample(logits, row(SamplingParams.greedy(1), 0)).tokenId());
            assertEquals(
                    SampledToken.INVALID,
                    new Sampler(3).sample(logits, row(params(1, 1, 0, 0), 0)).tokenId());
        }
        // A masked token is no error.
        float[] masked = {1, Float.NEGATIVE_INFINITY, 3};
        assertEquals(2, new Sampler(3).sample(masked, row(params(1, 1, 0, 0), 0.999)).tokenId());
    }

    @Test
    void logprobsAreOfTheRawLogits() {
        float[] logits = {0.5f, 2, -1, 2, 0};
        SamplingParams params =
                new SamplingParams(
                        1,
                        0,
                        1,
                        0,
                        0,
                        1,
                        0,
                        0,
                        Map.of(2, 50f),
                        3,
                        List.of(),
                        List.of(),
                        1,
                        0,
                        false,
                        true);
        SampledToken token = new Sampler(5).sample(logits, row(params, 0));
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit);
        }
        assertEquals(2, token.tokenId(), "the bias decides");
        assertEquals(
                -1 - Math.log(total), token.logprob(), 1e-9, "and is not in the log-probability");
        assertArrayEquals(new int[] {1, 3, 0}, token.topTokenIds());
        assertEquals(0.5 - Math.log(total), token.topLogprobs()[2], 1e-9);
    }

    @Test
    void zeroLogprobsReportTheChosenTokenOnly() {
        SamplingParams params =
                new SamplingParams(
                        1, 0, 1, 0, 0, 1, 0, 0, Map.of(), 0, List.of(), List.of(), 1, 0, false,
                        true);
        SampledToken token = new Sampler(2).sample(new float[] {0, 0}, row(params, 0));
        assertEquals(Math.log(0.5), token.logprob(), 1e-12);
        assertEquals(0, token.topTokenIds().length);
    }

    @Test
    void penaltiesCountPromptAndOutputApart() {
        // Token 0 is prompt only, token 1 twice output, token 2 both, token 3 neither.
        int[] tokens = {0, 2, 1, 1, 2};
        SamplingParams params =
                new SamplingParams(
                        1, 1, 1, 0, 0, 2, 0.5, 0.25, Map.of(), -1, List.of(), List.of(), 1, 0,
                        false, true);
        float[] logits = {2, 2, -2, 2};
        double[] expected = softmax(1, 1 - 0.5 - 0.5, -4 - 0.5 - 0.25, 2);
        Sampler sampler = new Sampler(4);
        SampleRow row = new SampleRow(params, tokens, 2, 5, 0);
        assertArrayEquals(expected, sampler.probabilities(logits, row), 1e-7);
        assertArrayEquals(
                expected,
                sampler.probabilities(logits, row),
                1e-7,
                "nothing is left over from the call before");
    }

    /** top_p against a plain sort, on sizes and shapes that put the boundary anywhere. */
    @Test
    void nucleusEqualsAPlainSort() {
        SplittableRandom random = new SplittableRandom(11);
        for (int round = 0; round < 300; round++) {
            int n = 1 + random.nextInt(400);
            float[] logits = new float[n];
            double spread = Math.exp(random.nextDouble(-3, 4));
            for (int i = 0; i < n; i++) {
                logits[i] =
                        (float)
                                (random.nextInt(4) == 0
                                        ? spread
                                        : spread * random.nextDouble(-2, 2));
            }
            double topP = random.nextDouble(0.01, 1);
            double[] actual =
                    new Sampler(n)
                            .probabilities(logits, row(params(NO_TEMPERATURE, topP, 0, 0), 0));
            assertArrayEquals(plainNucleus(logits, topP), actual, 1e-9, "round " + round);
        }
    }

    /**
     * Counts of 200,000 draws against the distribution: chi-square over the tokens that are kept.
     */
    @Test
    void drawsFollowTheDistribution() {
        float[] logits = {0.1f, 2.3f, -1, 1.1f, 0.7f, 2.2f, -4, 1.9f};
        SamplingParams params = params(0.8, 0.95, 6, 0.02);
        double[] probabilities = new Sampler(8).probabilities(logits, row(params, 0));
        assertTrue(chiSquare(params, logits, probabilities) < 25, "five degrees of freedom");
        // Positive control: the same counts do not fit a slightly different temperature.
        double[] warmer = new Sampler(8).probabilities(logits, row(params(0.84, 0.95, 6, 0.02), 0));
        assertTrue(chiSquare(params, logits, warmer) > 100);
    }

    @Test
    void uniformsDependOnEveryArgument() {
        assertEquals(Uniforms.at(1, 2, 3), Uniforms.at(1, 2, 3));
        assertNotEquals(Uniforms.at(1, 2, 3), Uniforms.at(2, 2, 3));
        assertNotEquals(Uniforms.at(1, 2, 3), Uniforms.at(1, 3, 3));
        assertNotEquals(Uniforms.at(1, 2, 3), Uniforms.at(1, 2, 4));
        assertNotEquals(Uniforms.at(1, 2, 3), Uniforms.at(1, 3, 2));
        int[] bins = new int[16];
        for (int position = 0; position < 160_000; position++) {
            bins[(int) (16 * Uniforms.at(7, 0, position))]++;
        }
        for (int count : bins) {
            assertEquals(10_000, count, 500);
        }
    }

    private static double chiSquare(SamplingParams params, float[] logits, double[] probabilities) {
        Sampler sampler = new Sampler(logits.length);
        int draws = 200_000;
        int[] counts = new int[logits.length];
        for (int i = 0; i < draws; i++) {
            counts[sampler.sample(logits, row(params, Uniforms.at(5, 0, i))).tokenId()]++;
        }
        double sum = 0;
        for (int i = 0; i < counts.length; i++) {
            if (probabilities[i] == 0) {
                assertEquals(0, counts[i], "token " + i + " is filtered out");
            } else {
                sum +=
                        Math.pow(counts[i] - draws * probabilities[i], 2)
                                / (draws * probabilities[i]);
            }
        }
        return sum;
    }

    private static double[] plainNucleus(float[] logits, double topP) {
        double[] all = new double[logits.length];
        for (int i = 0; i < all.length; i++) {
            all[i] = logits[i];
        }
        all = softmax(all);
        Integer[] order = new Integer[all.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (a, b) -> Float.compare(logits[b], logits[a]));
        double[] kept = new double[all.length];
        double before = 0;
        for (int i : order) {
            if (before < topP) {
                kept[i] = all[i];
                before += all[i];
            }
        }
        for (int i = 0; i < kept.length; i++) {
            kept[i] /= before;
        }
        return kept;
    }

    private static double[] softmax(double... logits) {
        double max = Arrays.stream(logits).max().orElseThrow();
        double total = Arrays.stream(logits).map(x -> Math.exp(x - max)).sum();
        return Arrays.stream(logits).map(x -> Math.exp(x - max) / total).toArray();
    }

    private static SamplingParams params(double temperature, double topP, int topK, double minP) {
        return new SamplingParams(
                1,
                temperature,
                topP,
                topK,
                minP,
                1,
                0,
                0,
                Map.of(),
                -1,
                List.of(),
                List.of(),
                1,
                0,
                false,
                true);
    }

    private static SampleRow row(SamplingParams params, double uniform) {
        return new SampleRow(params, new int[0], 0, 0, uniform);
    }

    /** The golden history counts as output, which is all that the penalties differ by. */
    private static SampleRow goldenRow(JsonNode golden) {
        int[] history = new int[golden.get("history").size()];
        for (int i = 0; i < history.length; i++) {
            history[i] = golden.get("history").get(i).asInt();
        }
        SamplingParams params =
                new SamplingParams(
                        1,
                        golden.path("temperature").asDouble(1),
                        golden.path("top_p").asDouble(1),
                        golden.path("top_k").asInt(0),
                        golden.path("min_p").asDouble(0),
                        golden.path("repetition_penalty").asDouble(1),
                        golden.path("presence_penalty").asDouble(0),
                        golden.path("frequency_penalty").asDouble(0),
                        Map.of(),
                        -1,
                        List.of(),
                        List.of(),
                        1,
                        0,
                        false,
                        true);
        return new SampleRow(params, history, 0, history.length, 0);
    }

    private static JsonNode golden() throws IOException {
        try (InputStream in = SamplerTest.class.getResourceAsStream("/goldens/sampling.json")) {
            return new ObjectMapper().readTree(in);
        }
    }

    private static float[] floats(JsonNode array) {
        float[] values = new float[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) array.get(i).asDouble();
        }
        return values;
    }

    private static int best(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }
}
