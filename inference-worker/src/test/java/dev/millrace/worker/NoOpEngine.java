package dev.millrace.worker;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.FinishReason;

import java.util.ArrayList;
import java.util.List;

/**
 * Answers everything in the next step with the same few words: what is left is the pipeline's own
 * cost.
 */
final class NoOpEngine implements Engine {
    private static final EngineResult.Choice ANSWER =
            new EngineResult.Choice(
                    0,
                    "The answer is forty-two.",
                    new int[] {11, 12, 13, 14, 15, 2},
                    FinishReason.STOP,
                    null,
                    null);

    private List<EngineResult> results = new ArrayList<>();
    private long finished;

    @Override
    public void submit(EngineRequest request) {
        long now = System.currentTimeMillis();
        results.add(
                new EngineResult(
                        request.requestId(),
                        List.of(ANSWER),
                        request.promptTokenIds().length,
                        0,
                        new EngineResult.Timing(now, now, now, now),
                        null));
    }

    @Override
    public boolean abort(long requestId) {
        return results.removeIf(result -> result.requestId() == requestId);
    }

    @Override
    public boolean hasWork() {
        return !results.isEmpty();
    }

    @Override
    public List<EngineResult> step() {
        List<EngineResult> ended = results;
        results = new ArrayList<>(ended.size());
        finished += ended.size();
        return ended;
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                0,
                results.size(),
                0,
                0,
                finished,
                0,
                0,
                0,
                0,
                finished,
                0,
                0,
                0,
                DeviceTimes.NONE, DraftCounts.NONE);
    }

    @Override
    public void close() {
        results.clear();
    }
}
