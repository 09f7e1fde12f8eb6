package dev.millrace.ops.bench;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.ops.bench.Workload.Prompt;

import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Runs jobs on one engine and keeps the account of each. */
final class BenchRun {
    private final Engine engine;
    private final LongSupplier nanoTime;
    private long nextId;

    BenchRun(Engine engine, LongSupplier nanoTime) {
        this.engine = engine;
        this.nanoTime = nanoTime;
    }

    /**
     * What a job took.
     *
     * @param cachedTokens prompt tokens that came out of the prefix cache
     * @param answers the generated tokens of each prompt, in the prompts' order
     * @param before the engine's counters when it began
     * @param after and when it had ended
     */
    record Outcome(
            double seconds,
            List<int[]> answers,
            long promptTokens,
            long cachedTokens,
            long outputTokens,
            EngineStats before,
            EngineStats after,
            StepAllocations allocations) {

        /** Of the prompt tokens, those that a prefix cache without bound would have had. */
        long idealCachedTokens() {
            return after.idealCachedTokens() - before.idealCachedTokens();
        }

        DraftCounts drafts() {
            return after.drafts().since(before.drafts());
        }

        long steps() {
            return after.steps() - before.steps();
        }

        double outputTokensPerSecond() {
            return outputTokens / seconds;
        }
    }

    /**
     * Submits all prompts at once and steps until the last has ended.
     *
     * @param progress hears how many tokens are generated
     */
    Outcome run(List<Prompt> prompts, LongConsumer progress) {
        EngineStats before = engine.stats();
        long firstId = nextId;
        int[][] answers = new int[prompts.size()][];
        StepAllocations allocations = new StepAllocations();
        long began = nanoTime.getAsLong();
        for (Prompt prompt : prompts) {
            engine.submit(new EngineRequest(nextId++, prompt.tokens(), greedy(prompt.output()), 0));
        }
        long promptTokens = 0;
        long cached = 0;
        long output = 0;
        while (engine.hasWork()) {
            allocations.begin();
            List<EngineResult> results = engine.step();
            allocations.end();
            for (EngineResult result : results) {
                int at = (int) (result.requestId() - firstId);
                check(result, prompts.get(at));
                promptTokens += result.promptTokens();
                cached += result.cachedTokens();
                output += result.completionTokens();
                answers[at] = result.choices().getFirst().tokenIds();
            }
            progress.accept(engine.stats().generationTokens() - before.generationTokens());
        }
        double seconds = (nanoTime.getAsLong() - began) * 1e-9;
        List<int[]> ofAll = List.of(answers);
        return new Outcome(
                seconds, ofAll, promptTokens, cached, output, before, engine.stats(), allocations);
    }

    private static void check(EngineResult result, Prompt prompt) {
        if (result.error() != null) {
            throw new IllegalStateException(
                    "prompt "
                            + result.requestId()
                            + " failed: "
                            + result.error().code()
                            + ": "
                            + result.error().message());
        }
        if (result.completionTokens() != prompt.output()) {
            throw new IllegalStateException(
                    "prompt "
                            + result.requestId()
                            + " was answered with "
                            + result.completionTokens()
                            + " tokens, not "
                            + prompt.output());
        }
    }

    /** Greedy, and going on after an end of text, so that every run has the same work. */
    private static SamplingParams greedy(int tokens) {
        return new SamplingParams(
                tokens, 0, 1, 0, 0, 1, 0, 0, Map.of(), -1, List.of(), List.of(), 1, 0, true, true);
    }
}
