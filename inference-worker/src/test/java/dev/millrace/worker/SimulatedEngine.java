package dev.millrace.worker;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.FinishReason;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.ToIntFunction;

/** Finishes each request after a number of steps that the test chooses, so jobs end in any order. */
final class SimulatedEngine implements Engine {
    private final InstantSource clock;
    private final ToIntFunction<EngineRequest> stepsOf;
    private final Map<Long, EngineRequest> requests = new LinkedHashMap<>();
    private final Map<Long, Integer> stepsLeft = new HashMap<>();
    final List<String> submittedPrompts = new ArrayList<>();
    LongConsumer onStep = step -> { };
    private long steps;
    private long finished;

    SimulatedEngine(InstantSource clock, ToIntFunction<EngineRequest> stepsOf) {
        this.clock = clock;
        this.stepsOf = stepsOf;
    }

    @Override
    public void submit(EngineRequest request) {
        submittedPrompts.add(new String(request.promptTokenIds(), 0, request.promptTokenIds().length));
        if (requests.put(request.requestId(), request) != null) {
            throw new IllegalStateException("request id " + request.requestId() + " is in use");
        }
        stepsLeft.put(request.requestId(), stepsOf.applyAsInt(request));
    }

    @Override
    public boolean abort(long requestId) {
        stepsLeft.remove(requestId);
        return requests.remove(requestId) != null;
    }

    @Override
    public boolean hasWork() {
        return !requests.isEmpty();
    }

    @Override
    public List<EngineResult> step() {
        onStep.accept(++steps);
        List<EngineResult> results = new ArrayList<>();
        for (Iterator<EngineRequest> all = requests.values().iterator(); all.hasNext(); ) {
            EngineRequest request = all.next();
            if (stepsLeft.merge(request.requestId(), -1, Integer::sum) <= 0) {
                all.remove();
                results.add(result(request));
            }
        }
        finished += results.size();
        return results;
    }

    private EngineResult result(EngineRequest request) {
        long now = clock.millis();
        EngineResult.Choice choice = new EngineResult.Choice(0, "text", new int[] {7, 2}, FinishReason.STOP, null, null);
        return new EngineResult(request.requestId(), List.of(choice), request.promptTokenIds().length, 0,
                new EngineResult.Timing(now, now, now, now), null);
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(requests.size(), 0, 0, 0, steps, 0, 0, 0, finished, 0, 0, 0);
    }

    @Override
    public void close() {
        requests.clear();
    }
}
