package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.sampling.SampleRow;

import org.junit.jupiter.api.Test;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The real scheduler, cache and engine over a simulated device. A failure prints its seed; run that
 * one alone with {@code -Dmillrace.simulation.seed=N}.
 */
class EngineSimulationTest {
    private static final long STEPS_WANTED = 1_000_000;
    private static final int STEPS_WITH_ARRIVALS = 400;

    @Test
    void everyAnswerIsTheOracles() {
        Long only = Long.getLong("millrace.simulation.seed");
        if (only != null) {
            runWorld(only);
            return;
        }
        Totals totals = new Totals();
        for (long seed = 1; totals.steps < STEPS_WANTED; seed++) {
            SimulationWorld world = runWorld(seed);
            totals.add(world);
        }
        // Positive control: the worlds did what they are there for.
        assertTrue(totals.preemptions > 1_000, "preemptions: " + totals.preemptions);
        assertTrue(totals.cachedTokens > 10_000, "cached tokens: " + totals.cachedTokens);
        assertTrue(totals.tokensHandedOver > 10_000, "handed over: " + totals.tokensHandedOver);
        assertTrue(totals.finished > 10_000, "finished requests: " + totals.finished);
        DraftCounts auto = totals.drafts.get(Speculation.Mode.AUTO);
        DraftCounts always = totals.drafts.get(Speculation.Mode.ALWAYS);
        assertEquals(DraftCounts.NONE, totals.drafts.get(Speculation.Mode.OFF));
        assertTrue(auto.acceptedTokens() > 10_000, "auto: " + auto);
        assertTrue(always.acceptedTokens() > 10_000, "always: " + always);
        assertTrue(always.draftTokens() - always.acceptedTokens() > 10_000, "always: " + always);
    }

    /** Positive control: a verification that lets wrong guesses pass is noticed. */
    @Test
    void acceptingWrongGuessesIsNoticed() {
        int noticed = 0;
        int worlds = 0;
        for (long seed = 1; worlds < 20; seed++) {
            SimulationWorld world = new SimulationWorld(seed);
            if (world.speculation() == Speculation.Mode.ALWAYS) {
                worlds++;
                world.acceptEveryGuess();
                noticed += failsByItsAnswers(world) ? 1 : 0;
            }
        }
        assertTrue(noticed >= 15, "noticed in " + noticed + " of " + worlds + " worlds");
    }

    private static boolean failsByItsAnswers(SimulationWorld world) {
        try {
            world.run(STEPS_WITH_ARRIVALS);
            return false;
        } catch (AssertionError e) {
            return e.getMessage().contains(" answers ");
        }
    }

    @Test
    void equalSeedsGiveEqualSchedules() {
        assertEquals(traceOf(4), traceOf(4));
        assertNotEquals(traceOf(4), traceOf(5));
    }

    /** Positive control: a block table that is wrong in one place is noticed at once. */
    @Test
    void aCorruptedBlockTableIsNoticed() {
        int[] good = {2, 0};
        runTwoSteps(good);
        AssertionError error =
                assertThrows(AssertionError.class, () -> runTwoSteps(new int[] {1, 0}));
        assertTrue(error.getMessage().contains("position 0"), error.getMessage());
    }

    /** Five tokens in blocks of four, in two steps; the second goes through the given table. */
    private static void runTwoSteps(int[] tableOfSecondStep) {
        SimulatedExecutor executor = new SimulatedExecutor(3, 4, 16, false);
        ForwardInput input = new ForwardInput(8, 2);
        int[] tokens = {9, 8, 7, 6, 5};
        executor.complete(executor.launch(fill(input, tokens, 0, 4, new int[] {2, 0}), List.of()));
        fill(input, tokens, 4, 1, tableOfSecondStep);
        input.numLogitRows = 1;
        input.logitRows[0] = 0;
        executor.complete(
                executor.launch(
                        input, List.of(new SampleRow(SamplingParams.greedy(1), tokens, 5, 5, 0))));
    }

    private static ForwardInput fill(
            ForwardInput input, int[] tokens, int start, int count, int[] table) {
        input.numSeqs = 1;
        input.numTokens = count;
        input.cuSeqlensQ[1] = count;
        input.contextLens[0] = start + count;
        input.blockTables[0] = table;
        for (int t = 0; t < count; t++) {
            input.tokenIds[t] = tokens[start + t];
            input.positions[t] = start + t;
            input.slotMapping[t] = table[(start + t) / 4] * 4 + (start + t) % 4;
        }
        return input;
    }

    private static SimulationWorld runWorld(long seed) {
        try {
            SimulationWorld world = new SimulationWorld(seed);
            world.run(STEPS_WITH_ARRIVALS);
            return world;
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError("simulation seed " + seed + ": " + e.getMessage(), e);
        }
    }

    private static String traceOf(long seed) {
        SimulationWorld world = new SimulationWorld(seed);
        world.run(100);
        return world.trace();
    }

    private static final class Totals {
        long steps;
        long preemptions;
        long cachedTokens;
        long finished;
        final Map<Speculation.Mode, DraftCounts> drafts = new EnumMap<>(Speculation.Mode.class);
        long tokensHandedOver;

        void add(SimulationWorld world) {
            EngineStats stats = world.stats();
            drafts.merge(world.speculation(), stats.drafts(), Totals::sum);
            tokensHandedOver += world.tokensHandedOver();
            steps += stats.steps();
            preemptions += stats.preemptions();
            cachedTokens += stats.cachedTokens();
            finished += stats.finishedRequests();
        }

        private static DraftCounts sum(DraftCounts a, DraftCounts b) {
            return new DraftCounts(
                    a.drafts() + b.drafts(),
                    a.draftTokens() + b.draftTokens(),
                    a.acceptedTokens() + b.acceptedTokens());
        }
    }
}
