package dev.millrace.it.control;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.model.GenerationDefaults;
import dev.millrace.engine.tokenizer.PromptEncoder;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import java.util.function.Predicate;

/**
 * One token per request and step, a few requests at a time; prompts that the test names never end
 * by themselves.
 */
final class SlowEngine implements Engine {
    static final String MODEL = "slow";
    private static final int MAX_RUNNING = 8;
    private static final int TOKENS = 3;
    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final Predicate<String> isEndless;
    private final Deque<EngineRequest> waiting = new ArrayDeque<>();
    private final Map<EngineRequest, Integer> running = new LinkedHashMap<>();
    private volatile int numRunning;
    private volatile int steps;

    /** Prompts that began to run. */
    final Set<String> begun = ConcurrentHashMap.newKeySet();

    SlowEngine(Predicate<String> isEndless) {
        this.isEndless = isEndless;
    }

    IntSupplier running() {
        return () -> numRunning;
    }

    IntSupplier steps() {
        return () -> steps;
    }

    LoadedModel model() {
        GenerationDefaults defaults =
                new GenerationDefaults(null, null, null, null, null, new int[] {0});
        return new LoadedModel(MODEL, "none", this, new CharEncoder(), defaults, 1 << 20);
    }

    @Override
    public void submit(EngineRequest request) {
        waiting.add(request);
    }

    @Override
    public boolean abort(long requestId) {
        return cancel(requestId) != null;
    }

    @Override
    public EngineResult cancel(long requestId) {
        if (waiting.removeIf(request -> request.requestId() == requestId)) {
            return new EngineResult(
                    requestId, List.of(), 0, 0, new EngineResult.Timing(1, -1, -1, 1), null);
        }
        for (Map.Entry<EngineRequest, Integer> each : running.entrySet()) {
            if (each.getKey().requestId() == requestId) {
                running.remove(each.getKey());
                numRunning = running.size();
                return result(each.getKey(), each.getValue(), FinishReason.ABORT);
            }
        }
        return null;
    }

    @Override
    public boolean withdraw(long requestId) {
        return waiting.removeIf(request -> request.requestId() == requestId);
    }

    @Override
    public boolean hasWork() {
        return !waiting.isEmpty() || !running.isEmpty();
    }

    @Override
    public List<EngineResult> step() {
        LockSupport.parkNanos(STEP_NANOS);
        while (running.size() < MAX_RUNNING && !waiting.isEmpty()) {
            EngineRequest next = waiting.remove();
            begun.add(text(next));
            running.put(next, 0);
        }
        List<EngineResult> results = new ArrayList<>();
        for (Iterator<Map.Entry<EngineRequest, Integer>> all = running.entrySet().iterator();
                all.hasNext(); ) {
            Map.Entry<EngineRequest, Integer> each = all.next();
            each.setValue(each.getValue() + 1);
            if (each.getValue() >= TOKENS && !isEndless.test(text(each.getKey()))) {
                all.remove();
                results.add(result(each.getKey(), each.getValue(), FinishReason.STOP));
            }
        }
        numRunning = running.size();
        steps++;
        return results;
    }

    @Override
    public EngineStats stats() {
        return new EngineStats(
                running.size(),
                waiting.size(),
                0,
                1,
                steps,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                DeviceTimes.NONE, DraftCounts.NONE);
    }

    @Override
    public void close() {
        running.clear();
        waiting.clear();
    }

    private static String text(EngineRequest request) {
        return new String(request.promptTokenIds(), 0, request.promptTokenIds().length);
    }

    private static EngineResult result(EngineRequest request, int tokens, FinishReason reason) {
        EngineResult.Choice choice =
                new EngineResult.Choice(0, "t".repeat(tokens), new int[tokens], reason, null, null);
        EngineResult.Timing timing = new EngineResult.Timing(1, 1, 1, 1);
        return new EngineResult(
                request.requestId(),
                List.of(choice),
                request.promptTokenIds().length,
                0,
                timing,
                null);
    }

    /** One token per character. */
    private static final class CharEncoder implements PromptEncoder {
        @Override
        public EncodedPrompt chat(
                List<Map<String, Object>> messages,
                List<Object> tools,
                Map<String, Object> variables) {
            return text((String) messages.getLast().get("content"));
        }

        @Override
        public EncodedPrompt text(String prompt) {
            return new EncodedPrompt(prompt, prompt.chars().toArray());
        }

        @Override
        public EncodedPrompt tokens(int[] tokenIds) {
            return new EncodedPrompt("", tokenIds);
        }
    }
}
