package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.cuda.CudaConfig;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Batch-invariant mode: the same bits alone, in company, with shared prefixes and in other chunks.
 */
class BatchInvarianceTest {
    private static final Path MODEL = Path.of("../ops/demo/millrace-demo");
    private static final long SEED = 41;

    @ParameterizedTest
    @EnumSource(WeightFormat.class)
    void answersAreTheSameBitsWhateverElseIsInTheStep(WeightFormat weights) {
        Numerics numerics = new Numerics(weights, true);
        assertEquals(inCompany(numerics), alone(numerics), "seed " + SEED);
    }

    /**
     * The control: without the mode, logprobs differ in some bit, so that the comparison above can
     * fail.
     */
    @Test
    void withoutTheModeBitsDiffer() {
        assertNotEquals(inCompany(Numerics.DEFAULT), alone(Numerics.DEFAULT), "seed " + SEED);
    }

    /** With sums in one order nothing tells a token that was guessed from one that had its own step. */
    @ParameterizedTest
    @EnumSource(WeightFormat.class)
    void speculationLeavesEveryBitAsItIs(WeightFormat weights) {
        Numerics numerics = new Numerics(weights, true);
        Map<Long, String> plain = new HashMap<>();
        Map<Long, String> guessed = new HashMap<>();
        try (Engine engine = open(512, true, numerics, Speculation.OFF)) {
            repetitive().forEach(engine::submit);
            drain(engine, plain);
        }
        Speculation always = new Speculation(Speculation.Mode.ALWAYS, 5);
        try (Engine engine = open(512, true, numerics, always)) {
            repetitive().forEach(engine::submit);
            drain(engine, guessed);
            DraftCounts drafts = engine.stats().drafts();
            assertTrue(drafts.acceptedTokens() > 100, "right guesses: " + drafts);
            assertTrue(drafts.draftTokens() - drafts.acceptedTokens() > 10, "wrong: " + drafts);
        }
        assertEquals(plain, guessed, "seed " + SEED);
    }

    /** Prompts that say things twice; greedy and drawn, with penalties and without. */
    private static List<EngineRequest> repetitive() {
        Random random = new Random(SEED);
        List<EngineRequest> requests = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            int[] tokens = random.ints(40, 300, 1000).toArray();
            System.arraycopy(tokens, 0, tokens, 20, 20);
            double temperature = i % 2 == 0 ? 0 : 1.2;
            double penalty = i % 4 < 2 ? 0 : 0.4;
            SamplingParams sampling =
                    new SamplingParams(
                            40,
                            temperature,
                            0.9,
                            20,
                            0,
                            1 + penalty / 4,
                            penalty,
                            penalty,
                            Map.of(),
                            2,
                            List.of(),
                            List.of(),
                            1,
                            i,
                            true,
                            true);
            requests.add(new EngineRequest(i, tokens, sampling, 0));
        }
        return requests;
    }

    /** Everything at once, prefix cache on, chunks as large as a step allows. */
    private static Map<Long, String> inCompany(Numerics numerics) {
        Map<Long, String> answers = new HashMap<>();
        try (Engine engine = open(512, true, numerics, Speculation.OFF)) {
            requests().forEach(engine::submit);
            drain(engine, answers);
        }
        return answers;
    }

    /** One after the other, nothing cached, prompts in chunks of 48. */
    private static Map<Long, String> alone(Numerics numerics) {
        Map<Long, String> answers = new HashMap<>();
        try (Engine engine = open(48, false, numerics, Speculation.OFF)) {
            for (EngineRequest request : requests()) {
                engine.submit(request);
                drain(engine, answers);
            }
        }
        return answers;
    }

    private static Engine open(
            int tokensPerStep, boolean caching, Numerics numerics, Speculation speculation) {
        return EngineFactory.openWeights(
                MODEL,
                new EngineConfig(
                        "cpu",
                        16,
                        tokensPerStep,
                        16,
                        64 << 20,
                        0,
                        caching,
                        2,
                        numerics,
                        speculation),
                CudaConfig.defaults());
    }

    private static void drain(Engine engine, Map<Long, String> answers) {
        while (engine.hasWork()) {
            for (EngineResult result : engine.step()) {
                EngineResult.Choice choice = result.choices().getFirst();
                StringBuilder bits = new StringBuilder(Arrays.toString(choice.tokenIds()));
                choice.logprobs().forEach(p -> bits.append(' ').append(p.logprob()));
                answers.put(result.requestId(), bits.toString());
            }
        }
    }

    private static List<EngineRequest> requests() {
        Random random = new Random(SEED);
        int[] shared = random.ints(96, 300, 1000).toArray();
        return random.ints(9, 1, 150)
                .mapToObj(own -> prompt(shared, own, random))
                .map(tokens -> new EngineRequest(tokens.length, tokens, sampling(), 0))
                .toList();
    }

    private static int[] prompt(int[] shared, int own, Random random) {
        int[] tokens = Arrays.copyOf(shared, shared.length + own);
        for (int i = shared.length; i < tokens.length; i++) {
            tokens[i] = random.nextInt(300, 1000);
        }
        return tokens;
    }

    private static SamplingParams sampling() {
        return new SamplingParams(
                12, 0, 1, 0, 0, 1, 0, 0, Map.of(), 2, List.of(), List.of(), 1, 0, true, true);
    }
}
