package dev.millrace.worker;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.FinishReason;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;

/** Runs each request for a number of steps that the test chooses, so jobs end in any order. */
final class SimulatedEngine implements Engine {
    private static final class Running {
        private final EngineRequest request;
        private int stepsLeft;
        private int stepsDone;

        private Running(Waiting begun, int stepsLeft) {
            this.request = begun.request;
            this.stepsLeft = stepsLeft;
            this.stepsDone = begun.stepsDone;
        }
    }

    private final InstantSource clock;
    private final ToIntFunction<EngineRequest> stepsOf;
    private final int maxRunning;

    /**
     * @param stepsDone by an engine that had the request before
     */
    private record Waiting(EngineRequest request, long arrival, int stepsDone) {}

    private final TreeSet<Waiting> waiting =
            new TreeSet<>(
                    Comparator.comparingInt((Waiting each) -> -each.request().priority())
                            .thenComparingLong(Waiting::arrival));
    private final Map<Long, Waiting> waitingById = new LinkedHashMap<>();
    private long arrivals;
    private final Map<Long, Running> running = new LinkedHashMap<>();
    final List<String> submittedPrompts = new ArrayList<>();
    LongConsumer onStep = step -> {};
    private long steps;
    private long finished;
    long stepsResumed;

    SimulatedEngine(InstantSource clock, ToIntFunction<EngineRequest> stepsOf) {
        this(clock, stepsOf, Integer.MAX_VALUE);
    }

    SimulatedEngine(InstantSource clock, ToIntFunction<EngineRequest> stepsOf, int maxRunning) {
        this.clock = clock;
        this.stepsOf = stepsOf;
        this.maxRunning = maxRunning;
    }

    /** The text of a request's prompt. */
    static String promptOf(EngineRequest request) {
        return new String(request.promptTokenIds(), 0, request.promptTokenIds().length);
    }

    @Override
    public void submit(EngineRequest request) {
        resume(request, List.of());
    }

    @Override
    public void resume(EngineRequest request, List<int[]> generated) {
        int[] before = generated.isEmpty() ? new int[0] : generated.getFirst();
        if (!Arrays.equals(before, tokens(request, before.length))) {
            throw new IllegalStateException("resumed with the tokens of another request");
        }
        stepsResumed += before.length;
        submittedPrompts.add(promptOf(request));
        Waiting arrived = new Waiting(request, arrivals++, before.length);
        if (running.containsKey(request.requestId())
                || waitingById.put(request.requestId(), arrived) != null) {
            throw new IllegalStateException("request id " + request.requestId() + " is in use");
        }
        waiting.add(arrived);
    }

    @Override
    public boolean abort(long requestId) {
        return withdraw(requestId) || running.remove(requestId) != null;
    }

    @Override
    public EngineResult cancel(long requestId) {
        if (withdraw(requestId)) {
            return new EngineResult(
                    requestId, List.of(), 0, 0, new EngineResult.Timing(1, -1, -1, 1), null);
        }
        Running stopped = running.remove(requestId);
        return stopped == null ? null : result(stopped, FinishReason.ABORT);
    }

    @Override
    public boolean withdraw(long requestId) {
        Waiting found = waitingById.remove(requestId);
        return found != null && waiting.remove(found);
    }

    @Override
    public boolean hasWork() {
        return !running.isEmpty() || !waiting.isEmpty();
    }

    @Override
    public List<EngineResult> step() {
        onStep.accept(++steps);
        while (running.size() < maxRunning && !waiting.isEmpty()) {
            Waiting next = waiting.pollFirst();
            long id = next.request().requestId();
            waitingById.remove(id);
            running.put(id, new Running(next, stepsOf.applyAsInt(next.request())));
        }
        List<EngineResult> results = new ArrayList<>();
        for (Iterator<Running> all = running.values().iterator(); all.hasNext(); ) {
            Running each = all.next();
            each.stepsDone++;
            if (--each.stepsLeft <= 0) {
                all.remove();
                results.add(result(each, FinishReason.STOP));
            }
        }
        finished += results.size();
        return results;
    }

    /** The request's own first tokens, one a step. */
    private static int[] tokens(EngineRequest request, int count) {
        int first = promptOf(request).hashCode() & 0xffff;
        return IntStream.range(first, first + count).toArray();
    }

    private EngineResult result(Running ended, FinishReason reason) {
        long now = clock.millis();
        int[] tokens = tokens(ended.request, ended.stepsDone);
        EngineResult.Choice choice =
                new EngineResult.Choice(0, "x".repeat(ended.stepsDone), tokens, reason, null, null);
        return new EngineResult(
                ended.request.requestId(),
                List.of(choice),
                ended.request.promptTokenIds().length,
                0,
                new EngineResult.Timing(now, now, now, now),
                null);
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                running.size(),
                waiting.size(),
                0,
                0,
                steps,
                0,
                0,
                0,
                0,
                finished,
                0,
                0,
                0,
                DeviceTimes.NONE,
                DraftCounts.NONE);
    }

    @Override
    public void close() {
        running.clear();
        waiting.clear();
        waitingById.clear();
    }
}
