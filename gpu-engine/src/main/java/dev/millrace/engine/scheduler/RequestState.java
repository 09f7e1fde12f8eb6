package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/**
 * One request inside the engine: its sequences, what they have said so far, and when things
 * happened.
 */
public final class RequestState {
    private static final long NOT_YET = -1;

    private final EngineRequest request;
    private final long submittedMs;
    private final List<Sequence> sequences;
    private final List<ChoiceOutput> outputs;
    private long firstScheduledMs = NOT_YET;
    private long firstTokenMs = NOT_YET;
    private int cachedTokens;
    private int numFinished;

    RequestState(EngineRequest request, long submittedMs) {
        this.request = request;
        this.submittedMs = submittedMs;
        sequences = new ArrayList<>(request.sampling().n());
        outputs = new ArrayList<>(request.sampling().n());
    }

    public EngineRequest request() {
        return request;
    }

    List<Sequence> sequences() {
        return sequences;
    }

    ChoiceOutput output(Sequence sequence) {
        return outputs.get(sequence.choice());
    }

    void addChoice(Sequence sequence, ChoiceOutput output) {
        sequences.add(sequence);
        outputs.add(output);
    }

    /** Notes an admission; true if it is the request's first. */
    boolean admitted(int prefixHitTokens, long nowMs) {
        if (firstScheduledMs != NOT_YET) {
            return false;
        }
        firstScheduledMs = nowMs;
        cachedTokens = Math.min(prefixHitTokens, request.promptTokenIds().length);
        return true;
    }

    void tokenChosen(InstantSource clock) {
        if (firstTokenMs == NOT_YET) {
            firstTokenMs = clock.millis();
        }
    }

    /** Counts a finished choice; true if it was the last. */
    boolean choiceFinished() {
        return ++numFinished == sequences.size();
    }

    EngineResult result(long nowMs) {
        List<EngineResult.Choice> choices = new ArrayList<>(sequences.size());
        for (Sequence sequence : sequences) {
            choices.add(output(sequence).choice(sequence.choice(), sequence.outputTokens()));
        }
        return result(choices, nowMs, null);
    }

    boolean hasBegun() {
        return firstScheduledMs != NOT_YET;
    }

    /** What there is so far, for a request that is about to be stopped. */
    EngineResult partial(long nowMs) {
        List<EngineResult.Choice> choices = new ArrayList<>();
        int computed = 0;
        for (Sequence sequence : sequences) {
            int[] output = sequence.outputTokens();
            if (output.length > 0) {
                choices.add(output(sequence).choice(sequence.choice(), output));
                computed = sequence.numPromptTokens();
            }
            computed =
                    Math.max(
                            computed, Math.min(sequence.numComputed(), sequence.numPromptTokens()));
        }
        EngineResult.Timing timing =
                new EngineResult.Timing(submittedMs, firstScheduledMs, firstTokenMs, nowMs);
        return new EngineResult(
                request.requestId(),
                choices,
                computed,
                Math.min(cachedTokens, computed),
                timing,
                null);
    }

    EngineResult failure(String code, String message, long nowMs) {
        return result(List.of(), nowMs, new EngineResult.Failure(code, message));
    }

    private EngineResult result(
            List<EngineResult.Choice> choices, long nowMs, EngineResult.Failure failure) {
        EngineResult.Timing timing =
                new EngineResult.Timing(submittedMs, firstScheduledMs, firstTokenMs, nowMs);
        return new EngineResult(
                request.requestId(),
                choices,
                request.promptTokenIds().length,
                cachedTokens,
                timing,
                failure);
    }
}
