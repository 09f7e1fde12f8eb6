package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.Speculation;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A backlog on a simulated device, so many jobs ahead at a time, as a worker hands them over. Time
 * is simulated too: a step takes {@link #STEP_MS} and {@link #TOKEN_MS} per token.
 */
final class BacklogRun {
    static final int BLOCK_SIZE = 16;
    static final double STEP_MS = 10;
    static final double TOKEN_MS = 0.05;

    private final Deque<EngineRequest> backlog;
    private final LlmEngine engine;
    private final int window;
    private final int jobs;
    private int finished;
    private double ms;
    private double msAt95Percent;

    /**
     * @param jobs in order of arrival
     * @param window most jobs inside the engine
     */
    BacklogRun(List<EngineRequest> jobs, int window, int maxNumSeqs, int numBlocks) {
        backlog = new ArrayDeque<>(jobs);
        this.jobs = jobs.size();
        this.window = window;
        EngineConfig config =
                new EngineConfig(
                        "simulated",
                        maxNumSeqs,
                        2048,
                        BLOCK_SIZE,
                        1,
                        0,
                        true,
                        1,
                        Numerics.DEFAULT, Speculation.OFF);
        engine =
                new LlmEngine(
                        new SimulatedExecutor(numBlocks, BLOCK_SIZE, 4096, false),
                        new SimulatedTexts(),
                        new int[] {SimulatedTexts.EOS},
                        config);
        engine.listen((step, results) -> ms += STEP_MS + TOKEN_MS * step.numTokens());
    }

    LlmEngine engine() {
        return engine;
    }

    /** Runs all. */
    BacklogRun run() {
        int inside = 0;
        while (engine.hasWork() || !backlog.isEmpty()) {
            for (; inside < window && !backlog.isEmpty(); inside++) {
                engine.submit(backlog.remove());
            }
            for (EngineResult result : engine.step()) {
                if (result.error() != null) {
                    throw new AssertionError("a job failed: " + result);
                }
                inside--;
                finished++;
                if (finished == (jobs * 95 + 99) / 100) {
                    msAt95Percent = ms;
                }
            }
        }
        engine.checkConservation();
        return this;
    }

    EngineStats stats() {
        return engine.stats();
    }

    double ms() {
        return ms;
    }

    /** From 95 % of the jobs done to all. */
    double tailMs() {
        return ms - msAt95Percent;
    }

    /** What a cache without bounds would hit, worked out by a plain set of prefixes. */
    static long idealTokens(List<EngineRequest> jobs) {
        Set<List<Integer>> seen = new HashSet<>();
        long ideal = 0;
        for (EngineRequest job : jobs) {
            int[] tokens = job.promptTokenIds();
            boolean isHit = true;
            for (int end = BLOCK_SIZE; end < tokens.length; end += BLOCK_SIZE) {
                List<Integer> prefix = List.of(Arrays.hashCode(Arrays.copyOf(tokens, end)), end);
                isHit &= !seen.add(prefix);
                ideal += isHit ? BLOCK_SIZE : 0;
            }
        }
        return ideal;
    }
}
