package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

/** When the engine guesses; that guesses change no answer is the simulation's to show. */
class SpeculatorTest {
    private long nextId;

    @Test
    void aFullBatchIsLeftAloneAndASmallOneIsNot() {
        LlmEngine engine = engine(1024, 256, false);
        run(engine, 60);
        assertEquals(DraftCounts.NONE, engine.stats().drafts());
        run(engine, 1);
        DraftCounts drafts = engine.stats().drafts();
        assertTrue(drafts.acceptedTokens() > 20, "alone: " + drafts);
    }

    @Test
    void guessesTakeOnlyWhatTheBudgetHasLeft() {
        LlmEngine narrow = engine(1024, 1, false);
        run(narrow, 1);
        assertEquals(DraftCounts.NONE, narrow.stats().drafts(), "one token a step");
        LlmEngine engine = engine(1024, 2, false);
        run(engine, 1);
        DraftCounts drafts = engine.stats().drafts();
        assertTrue(drafts.drafts() > 0, "one is left for one sequence");
        assertEquals(drafts.drafts(), drafts.draftTokens(), "one guess at a time: " + drafts);
    }

    /** Two sequences that fill the cache to the last block but never need more. */
    @Test
    void nobodyIsPreemptedForAGuess() {
        LlmEngine engine = engine(2 * 17, 64, false);
        run(engine, 2);
        assertEquals(0, engine.stats().preemptions());
        assertTrue(engine.stats().drafts().acceptedTokens() > 0);
    }

    @Test
    void anAsynchronousDeviceNeverGuesses() {
        LlmEngine engine = engine(1024, 256, true);
        run(engine, 1);
        assertEquals(DraftCounts.NONE, engine.stats().drafts());
    }

    /** Answers of 64 tokens to prompts of 4, so that 67 tokens are computed: 17 blocks. */
    private void run(LlmEngine engine, int requests) {
        for (int i = 0; i < requests; i++) {
            SamplingParams greedy =
                    new SamplingParams(
                            64, 0, 1, 0, 0, 1, 0, 0, Map.of(), -1, List.of(), List.of(), 1, 0, true,
                            true);
            int[] prompt = {6, 7, 8, 12 + i % 48};
            engine.submit(new EngineRequest(nextId++, prompt, greedy, 0));
        }
        while (engine.hasWork()) {
            engine.step();
            engine.checkConservation();
        }
    }

    private static LlmEngine engine(int numBlocks, int budget, boolean asynchronous) {
        EngineConfig config =
                new EngineConfig(
                        "simulated",
                        64,
                        budget,
                        4,
                        1,
                        0,
                        true,
                        1,
                        Numerics.DEFAULT,
                        Speculation.AUTO);
        return new LlmEngine(
                new SimulatedExecutor(numBlocks, 4, 128, asynchronous),
                new SimulatedTexts(),
                new int[0],
                config);
    }
}
