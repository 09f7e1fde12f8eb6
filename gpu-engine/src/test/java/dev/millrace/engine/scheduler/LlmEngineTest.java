package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;

import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

class LlmEngineTest {
    private static final int BLOCK_SIZE = 4;
    private static final int MAX_MODEL_LEN = 200;

    private final SimulatedExecutor executor =
            new SimulatedExecutor(500, BLOCK_SIZE, MAX_MODEL_LEN, false);
    private final InstantSource clock = () -> Instant.ofEpochMilli(1_000);

    /**
     * Six system prompts of 40 tokens under 1,000 requests that arrive together: each is computed
     * once.
     */
    @Test
    void aColdSharedPrefixIsComputedOnce() {
        LlmEngine engine = engine(64, 256, true);
        int requests = 1_000;
        for (int i = 0; i < requests; i++) {
            engine.submit(new EngineRequest(i, prompt(40, i % 6, i), greedy(1), 0));
        }
        drain(engine);
        // Each request computes its own three tokens; each prefix is ten whole blocks.
        assertEquals(6 * 40 + requests * 3, executor.tokensComputed());
        assertEquals((requests - 6) * 40L, engine.stats().cachedTokens());
        assertEquals(requests * 43L, engine.stats().promptTokens());
    }

    /** Positive control: without the cache, the same requests compute everything. */
    @Test
    void withoutTheCacheEverythingIsComputed() {
        LlmEngine engine = engine(64, 256, false);
        for (int i = 0; i < 100; i++) {
            engine.submit(new EngineRequest(i, prompt(40, i % 6, i), greedy(1), 0));
        }
        drain(engine);
        assertEquals(100 * 43, executor.tokensComputed());
    }

    @Test
    void choicesShareThePrompt() {
        LlmEngine engine = engine(8, 64, true);
        SamplingParams params = params(p -> p.n = 5);
        engine.submit(new EngineRequest(1, prompt(40, 0, 0), params, 0));
        EngineResult result = drain(engine).getFirst();
        assertEquals(5, result.choices().size());
        assertEquals(
                4,
                result.choices().stream()
                        .map(c -> Arrays.toString(c.tokenIds()))
                        .distinct()
                        .limit(4)
                        .count());
        assertEquals(0, result.cachedTokens(), "nothing was there when the first choice came in");
        assertEquals(
                43 + 4 * 3 + 5 * 5,
                executor.tokensComputed(),
                "three tokens of the prompt are in no full block");
    }

    /** A second turn begins where the answer to the first ended. */
    @Test
    void generatedTokensAreCachedToo() {
        LlmEngine engine = engine(8, 64, true);
        engine.submit(new EngineRequest(1, prompt(8, 0, 0), params(p -> p.maxTokens = 20), 0));
        int[] answer = drain(engine).getFirst().choices().getFirst().tokenIds();
        int[] turn =
                IntStream.concat(Arrays.stream(prompt(8, 0, 0)), Arrays.stream(answer)).toArray();
        engine.submit(new EngineRequest(2, turn, greedy(1), 0));
        // 31 tokens, of which the last was never computed: seven full blocks.
        assertEquals(28, drain(engine).getFirst().cachedTokens());
    }

    @Test
    void higherPriorityGoesFirstThenArrival() {
        LlmEngine engine = engine(1, 64, true);
        int[] priorities = {0, 0, 5, -1, 5};
        for (int i = 0; i < priorities.length; i++) {
            engine.submit(new EngineRequest(i, prompt(4, i, i), greedy(2), priorities[i]));
        }
        assertEquals(
                List.of(2L, 4L, 0L, 1L, 3L),
                drain(engine).stream().map(EngineResult::requestId).toList());
    }

    @Test
    void aLongPromptIsComputedInChunksBesideOthers() {
        LlmEngine engine = engine(4, 16, true);
        engine.submit(new EngineRequest(1, prompt(4, 1, 1), greedy(30), 0));
        engine.submit(new EngineRequest(2, prompt(80, 2, 2), greedy(1), 0));
        List<Integer> sizes = new ArrayList<>();
        engine.listen((step, finished) -> sizes.add(step.numTokens()));
        drain(engine);
        // 7 + 83 prompt tokens: five full steps and the rest, one decoded token of the first
        // request in each.
        assertEquals(List.of(16, 16, 16, 16, 16), sizes.subList(0, 5));
        assertTrue(sizes.get(5) < 16 && sizes.get(6) == 1, sizes.toString());
    }

    @Test
    void cancelHandsBackWhatIsThereAndFreesIt() {
        LlmEngine engine = engine(1, 16, true);
        engine.submit(new EngineRequest(1, prompt(37, 0, 0), params(p -> p.maxTokens = 30), 0));
        engine.submit(new EngineRequest(2, prompt(4, 1, 1), greedy(2), 0));
        engine.step();
        EngineResult waiting = engine.cancel(2);
        assertEquals(0, waiting.promptTokens(), "never scheduled");
        assertEquals(List.of(), waiting.choices());
        engine.step();
        engine.step();
        engine.step();
        EngineResult running = engine.cancel(1);
        assertEquals(40, running.promptTokens());
        EngineResult.Choice choice = running.choices().getFirst();
        assertEquals(FinishReason.ABORT, choice.finishReason());
        assertTrue(
                choice.tokenIds().length >= 1 && choice.tokenIds().length < 30, choice.toString());
        assertFalse(choice.text().isEmpty());
        assertNull(engine.cancel(1), "cancelled twice");
        assertFalse(engine.hasWork());
        engine.checkConservation();
    }

    @Test
    void cancelInTheMiddleOfThePromptCountsWhatWasComputed() {
        LlmEngine engine = engine(1, 16, true);
        engine.submit(new EngineRequest(1, prompt(77, 0, 0), greedy(2), 0));
        engine.step();
        EngineResult partial = engine.cancel(1);
        assertEquals(16, partial.promptTokens(), "one step's budget");
        assertEquals(List.of(), partial.choices());
    }

    @Test
    void aResumedRequestGoesOnWhereItWasStopped() {
        EngineRequest request = new EngineRequest(1, prompt(37, 0, 0), params(p -> p.maxTokens = 30), 0);
        LlmEngine undisturbed = engine(1, 64, true);
        undisturbed.submit(request);
        EngineResult.Choice whole = drain(undisturbed).getFirst().choices().getFirst();
        int[] begun = Arrays.copyOf(whole.tokenIds(), 5);

        LlmEngine next = engine(1, 64, true);
        long stepsBefore = next.stats().steps();
        next.resume(request, List.of(begun));
        EngineResult resumed = drain(next).getFirst();
        EngineResult.Choice choice = resumed.choices().getFirst();
        assertArrayEquals(whole.tokenIds(), choice.tokenIds());
        assertEquals(whole.text(), choice.text());
        assertEquals(40, resumed.promptTokens(), "what was handed over is no prompt");
        assertEquals(whole.tokenIds().length - 5, next.stats().generationTokens());
        assertEquals(whole.tokenIds().length - 5, next.stats().steps() - stepsBefore);
    }

    @Test
    void aRequestThatHadEndedIsAnsweredByTheNextStep() {
        LlmEngine engine = engine(1, 64, true);
        engine.resume(new EngineRequest(1, prompt(4, 0, 0), greedy(3), 0), List.of(new int[] {5, 6, 7}));
        assertTrue(engine.hasWork());
        EngineResult result = engine.step().getFirst();
        assertArrayEquals(new int[] {5, 6, 7}, result.choices().getFirst().tokenIds());
        assertFalse(engine.hasWork());
        engine.checkConservation();
    }

    @Test
    void onlyWhatHasNotBegunCanBeWithdrawn() {
        LlmEngine engine = engine(1, 64, true);
        engine.submit(new EngineRequest(1, prompt(4, 0, 0), greedy(5), 0));
        engine.submit(new EngineRequest(2, prompt(4, 1, 1), greedy(5), 0));
        engine.submit(new EngineRequest(3, prompt(4, 2, 2), greedy(5), 0));
        engine.step();
        assertFalse(engine.withdraw(1), "it runs");
        assertTrue(engine.withdraw(2));
        assertFalse(engine.withdraw(2), "it is out");
        engine.submit(new EngineRequest(2, prompt(4, 1, 1), greedy(5), -1));
        assertEquals(
                List.of(1L, 3L, 2L), drain(engine).stream().map(EngineResult::requestId).toList());
    }

    @Test
    void outputIsCutAtTheContext() {
        LlmEngine engine = engine(4, 256, true);
        engine.submit(new EngineRequest(1, prompt(190, 0, 0), params(p -> p.maxTokens = 1_000), 0));
        EngineResult.Choice choice = drain(engine).getFirst().choices().getFirst();
        assertEquals(MAX_MODEL_LEN - 193, choice.tokenIds().length);
        assertEquals(FinishReason.LENGTH, choice.finishReason());
        assertNull(choice.stopReason());
    }

    @Test
    void whatCanNeverRunIsRejectedWithNumbers() {
        LlmEngine engine = engine(4, 256, true);
        assertRejected(
                engine,
                new EngineRequest(1, new int[MAX_MODEL_LEN], greedy(1), 0),
                "context_length_exceeded",
                "200 tokens");
        assertRejected(
                engine,
                new EngineRequest(1, new int[] {1, 61}, greedy(1), 0),
                "invalid_request",
                "token id 61");
        assertRejected(
                engine,
                new EngineRequest(1, new int[] {-1}, greedy(1), 0),
                "invalid_request",
                "token id -1");
        SamplingParams biased = params(p -> p.logitBias = Map.of(99, 1f));
        assertRejected(
                engine,
                new EngineRequest(1, new int[] {1}, biased, 0),
                "invalid_request",
                "logit_bias holds token id 99");
        SimulatedExecutor small = new SimulatedExecutor(4, BLOCK_SIZE, MAX_MODEL_LEN, false);
        LlmEngine tight =
                new LlmEngine(small, new SimulatedTexts(), new int[0], config(4, 64, true));
        assertRejected(
                tight,
                new EngineRequest(1, new int[10], greedy(8), 0),
                "kv_cache_too_small",
                "18 tokens");
        // The last token needs no place, so one less just fits.
        tight.submit(new EngineRequest(1, new int[10], greedy(7), 0));
        assertEquals(7, drain(tight).getFirst().completionTokens());
        assertFalse(engine.hasWork(), "a rejected request leaves nothing behind");
    }

    @Test
    void oneIdIsInTheEngineOnce() {
        LlmEngine engine = engine(4, 64, true);
        engine.submit(new EngineRequest(1, new int[] {3}, greedy(2), 0));
        assertThrows(
                IllegalArgumentException.class,
                () -> engine.submit(new EngineRequest(1, new int[] {3}, greedy(2), 0)));
        assertEquals(1, drain(engine).size());
    }

    @Test
    void unusableLogitsFailTheRequestAndNoOther() {
        LlmEngine engine = engine(4, 64, true);
        executor.breakAtContext(12);
        engine.submit(new EngineRequest(1, new int[] {3}, greedy(5), 0));
        engine.submit(
                new EngineRequest(
                        2,
                        prompt(4, 1, 1),
                        params(
                                p -> {
                                    p.maxTokens = 20;
                                    p.n = 2;
                                }),
                        0));
        List<EngineResult> results = drain(engine);
        EngineResult failed =
                results.stream().filter(r -> r.requestId() == 2).findFirst().orElseThrow();
        assertEquals("numerical_error", failed.error().code());
        assertTrue(failed.error().message().contains("12 tokens"), failed.error().message());
        assertNull(
                results.stream().filter(r -> r.requestId() == 1).findFirst().orElseThrow().error());
        engine.checkConservation();
        assertEquals(0, engine.stats().kvBlocksUsed());
    }

    @Test
    void resultsCarryTimesAndUsage() {
        LlmEngine engine = engine(4, 64, true);
        engine.submit(new EngineRequest(1, prompt(4, 0, 0), greedy(3), 0));
        EngineResult result = drain(engine).getFirst();
        assertEquals(new EngineResult.Timing(1_000, 1_000, 1_000, 1_000), result.timing());
        assertEquals(7, result.promptTokens());
        assertEquals(3, result.completionTokens());
        assertEquals(3, engine.stats().steps());
        assertEquals(3, engine.stats().generationTokens());
    }

    private static void assertRejected(
            LlmEngine engine, EngineRequest request, String code, String part) {
        RequestRejectedException e =
                assertThrows(RequestRejectedException.class, () -> engine.submit(request));
        assertEquals(code, e.code());
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    private LlmEngine engine(int maxNumSeqs, int budget, boolean prefixCaching) {
        return new LlmEngine(
                executor,
                new SimulatedTexts(),
                new int[0],
                config(maxNumSeqs, budget, prefixCaching),
                clock,
                () -> 0);
    }

    private static EngineConfig config(int maxNumSeqs, int budget, boolean prefixCaching) {
        return new EngineConfig(
                "simulated",
                maxNumSeqs,
                budget,
                BLOCK_SIZE,
                1,
                0,
                prefixCaching,
                1,
                Numerics.DEFAULT,
                Speculation.OFF);
    }

    private static List<EngineResult> drain(LlmEngine engine) {
        List<EngineResult> results = new ArrayList<>();
        while (engine.hasWork()) {
            results.addAll(engine.step());
        }
        return results;
    }

    /** A system prompt of {@code shared} tokens, and three of its own. */
    private static int[] prompt(int shared, int system, int own) {
        int[] tokens = new int[shared + 3];
        Arrays.fill(tokens, 0, shared, 1 + system);
        tokens[shared] = 10 + own % 50;
        tokens[shared + 1] = 1 + own / 50;
        tokens[shared + 2] = 30;
        return tokens;
    }

    private static SamplingParams greedy(int maxTokens) {
        return SamplingParams.greedy(maxTokens);
    }

    /** Six random tokens, unless changed. */
    private static final class Params {
        int maxTokens = 6;
        int n = 1;
        Map<Integer, Float> logitBias = Map.of();
    }

    private static SamplingParams params(Consumer<Params> change) {
        Params p = new Params();
        change.accept(p);
        return new SamplingParams(
                p.maxTokens,
                1,
                1,
                0,
                0,
                1,
                0,
                0,
                p.logitBias,
                -1,
                List.of(),
                List.of(),
                p.n,
                3,
                false,
                true);
    }
}
