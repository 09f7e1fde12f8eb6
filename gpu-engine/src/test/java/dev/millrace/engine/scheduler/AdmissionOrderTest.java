package dev.millrace.engine.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;

import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Who is admitted when: prefix order, its bounds, and the end of the work. */
class AdmissionOrderTest {
    private static final AdmissionBounds UNBOUNDED =
            new AdmissionBounds(Long.MAX_VALUE / 2, 0, 0, Double.POSITIVE_INFINITY);

    /** A cache for a tenth of the prefixes (and what runs) hits nearly what an unbounded one does. */
    @Test
    void thousandsOfJobsHitNearlyAllThatCanBeHit() {
        for (int prefixes : new int[] {4, 400}) {
            List<EngineRequest> jobs = Backlogs.shared(prefixes, 10_000, prefixes, 128, 2);
            int blocks = Math.max(1, prefixes / 10) * 8 + 64 * 2 + 8;
            EngineStats stats = new BacklogRun(jobs, jobs.size(), 64, blocks).run().stats();
            long ideal = BacklogRun.idealTokens(jobs);
            assertEquals(ideal, stats.idealCachedTokens(), "the engine's own account of the ideal");
            assertTrue(
                    stats.cachedTokens() >= 0.98 * ideal,
                    prefixes + " prefixes: " + stats.cachedTokens() + " of " + ideal);
        }
    }

    @Test
    void nestedPrefixesAreWalkedDepthFirst() {
        List<EngineRequest> jobs = Backlogs.nested(3, 2_000, 10, 10);
        EngineStats stats = new BacklogRun(jobs, jobs.size(), 32, 2 * 16 + 32 * 2 + 8).run().stats();
        assertTrue(stats.cachedTokens() >= 0.98 * BacklogRun.idealTokens(jobs), stats.toString());
    }

    /** Positive control: seen only thirty at a time, the same jobs hit much less. */
    @Test
    void aShortWindowCannotOrder() {
        List<EngineRequest> jobs = Backlogs.nested(3, 2_000, 10, 10);
        EngineStats stats = new BacklogRun(jobs, 40, 32, 2 * 16 + 32 * 2 + 8).run().stats();
        assertTrue(stats.cachedTokens() < 0.8 * BacklogRun.idealTokens(jobs), stats.toString());
    }

    /** A job behind the order's place, whose siblings ahead never end to arrive, has its turn. */
    @Test
    void nobodyIsPassedOverForEver() {
        AdmissionBounds bounds = new AdmissionBounds(100, 0, 0, Double.POSITIVE_INFINITY);
        int overtakers = overtakersOfARareJob(bounds, 600);
        assertTrue(overtakers >= 100 && overtakers <= 110, "overtakers: " + overtakers);
    }

    /** Positive control: without the bound it waits as long as others come. */
    @Test
    void withoutTheBoundTheRareJobStarves() {
        assertEquals(-1, overtakersOfARareJob(UNBOUNDED, 600));
    }

    @Test
    void nearDeadlinesGoFirstAmongEqualPriorities() {
        LlmEngine engine = engine(1, 64);
        long now = 1_000_000;
        long[] deadlines = {EngineRequest.NO_DEADLINE, now + 40_000, now + 10_000, now + 86_400_000};
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 4; i++) {
            engine.submit(
                    new EngineRequest(
                            i,
                            Backlogs.tokens(random, 20),
                            Backlogs.output(1, List.of()),
                            0,
                            deadlines[i]));
        }
        engine.submit(
                new EngineRequest(
                        9, Backlogs.tokens(random, 20), Backlogs.output(1, List.of()), 1));
        // Job 3's deadline is far; it comes before job 0 because the order goes on behind job 1.
        assertEquals(List.of(9L, 2L, 1L, 3L, 0L), order(engine));
    }

    /** The estimates are learned: all jobs have the same limit. */
    @Test
    void theLongestGoFirstTowardsTheEnd() {
        double with = 0;
        double without = 0;
        for (int seed = 1; seed <= 5; seed++) {
            List<EngineRequest> jobs = Backlogs.fewLong(seed, 1_000, 200);
            with += new BacklogRun(jobs, jobs.size(), 32, 2_000).run().tailMs();
            BacklogRun plain = new BacklogRun(jobs, jobs.size(), 32, 2_000);
            plain.engine().setAdmissionBounds(UNBOUNDED);
            without += plain.run().tailMs();
        }
        assertTrue(with < 0.9 * without, "with " + with + " ms, without " + without + " ms");
    }

    /** A prompt of many steps is computed beside a text that was begun later. */
    @Test
    void aLongPromptDoesNotKeepOthersFromTheirNextToken() {
        LlmEngine engine = engine(2, 32);
        SplittableRandom random = new SplittableRandom(6);
        engine.submit(
                new EngineRequest(
                        1, Backlogs.tokens(random, 320), Backlogs.output(1, List.of()), 5));
        engine.submit(
                new EngineRequest(
                        2, Backlogs.tokens(random, 10), Backlogs.output(30, List.of()), 0));
        List<Long> ended = order(engine);
        assertEquals(List.of(1L, 2L), ended, "the higher priority was begun first");
        engine.submit(
                new EngineRequest(
                        3, Backlogs.tokens(random, 10), Backlogs.output(12, List.of()), 0));
        engine.step();
        engine.submit(
                new EngineRequest(
                        4, Backlogs.tokens(random, 600), Backlogs.output(1, List.of()), 5));
        List<Integer> decoded = new ArrayList<>();
        engine.listen(
                (step, results) -> {
                    for (int i = 0; i < step.size(); i++) {
                        if (step.sequence(i).request().request().requestId() == 3) {
                            decoded.add(step.numTokens());
                        }
                    }
                });
        assertEquals(List.of(3L, 4L), order(engine));
        assertEquals(11, decoded.size(), "a token in every step");
        assertTrue(decoded.stream().allMatch(tokens -> tokens == 32), "and the prompt had the rest");
    }

    /** How many later jobs were answered before the rare one; -1 if it was not answered at all. */
    private static int overtakersOfARareJob(AdmissionBounds bounds, int later) {
        LlmEngine engine = engine(1, 64);
        engine.setAdmissionBounds(bounds);
        SplittableRandom random = new SplittableRandom(4);
        int[] shared = Backlogs.tokens(random, 32);
        // The first of the prefix keeps its place in the tree alive; the rare one comes behind.
        engine.submit(job(0, Backlogs.joined(shared, Backlogs.tokens(random, 4))));
        engine.submit(job(1, Backlogs.joined(shared, Backlogs.tokens(random, 4))));
        engine.submit(job(2, Backlogs.tokens(random, 40)));
        int overtakers = 0;
        for (int i = 3; i < 3 + later; i++) {
            engine.submit(job(i, Backlogs.joined(shared, Backlogs.tokens(random, 4))));
            for (EngineResult result : engine.step()) {
                if (result.requestId() == 2) {
                    return overtakers;
                }
                overtakers += result.requestId() > 2 ? 1 : 0;
            }
        }
        assertFalse(overtakers == 0, "others were answered");
        return -1;
    }

    private static EngineRequest job(int id, int[] tokens) {
        return new EngineRequest(id, tokens, Backlogs.output(1, List.of()), 0);
    }

    private static LlmEngine engine(int maxNumSeqs, int budget) {
        EngineConfig config =
                new EngineConfig(
                        "simulated",
                        maxNumSeqs,
                        budget,
                        16,
                        1,
                        0,
                        true,
                        1,
                        Numerics.DEFAULT,
                        Speculation.OFF);
        return new LlmEngine(
                new SimulatedExecutor(100, 16, 1_000, false),
                new SimulatedTexts(),
                new int[0],
                config,
                () -> Instant.ofEpochMilli(1_000_000),
                () -> 0);
    }

    private static List<Long> order(LlmEngine engine) {
        List<Long> ids = new ArrayList<>();
        while (engine.hasWork()) {
            engine.step().forEach(result -> ids.add(result.requestId()));
            engine.checkConservation();
        }
        return ids;
    }
}
