package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.sampling.SampledToken;

import java.time.InstantSource;
import java.util.List;
import java.util.function.BiConsumer;

/** Takes over what completed steps have computed and chosen, token by token. */
final class ChosenTokens {
    private final Scheduler scheduler;
    private final Speculator speculator;
    private final StepCounters counters;
    private final InstantSource clock;
    private final BiConsumer<RequestState, EngineResult> endings;

    /**
     * @param endings told of each request that has ended
     */
    ChosenTokens(
            Scheduler scheduler,
            Speculator speculator,
            StepCounters counters,
            InstantSource clock,
            BiConsumer<RequestState, EngineResult> endings) {
        this.scheduler = scheduler;
        this.speculator = speculator;
        this.counters = counters;
        this.clock = clock;
        this.endings = endings;
    }

    /**
     * Takes over what the step did for its entry i. Meanwhile the sequence may have ended, or have
     * been preempted for the step behind this one: then its blocks are gone, but the token chosen
     * is still its next one.
     */
    void apply(ScheduledStep step, int i, List<SampledToken> sampled) {
        Sequence sequence = step.sequence(i);
        if (sequence.status() == SequenceStatus.RUNNING) {
            computed(sequence, step.start(i) + step.count(i) - step.drafted(i));
        }
        if (step.row(i) != ScheduledStep.NO_ROW && sequence.status().isLive()) {
            sequence.promiseKept();
            choose(step, i, sampled);
        }
    }

    /**
     * Takes over the chosen token, and as long as it is the guessed one, the token chosen behind
     * it: the sequence goes through the same states as if each had had its own step.
     */
    private void choose(ScheduledStep step, int i, List<SampledToken> sampled) {
        Sequence sequence = step.sequence(i);
        boolean guessed = true;
        for (int verified = 0; guessed && sequence.status().isLive(); verified++) {
            if (verified > 0) {
                computed(sequence, sequence.numTokens());
            }
            SampledToken token = sampled.get(step.row(i) + verified);
            guessed = speculator.verify(step, i, verified, token.tokenId());
            accept(sequence, token);
        }
        if (step.drafted(i) > 0) {
            sequence.dropDrafts();
        }
    }

    private void computed(Sequence sequence, int end) {
        sequence.computed(end);
        scheduler.kv().commit(sequence.blocks(), sequence.tokens(), end);
    }

    private void accept(Sequence sequence, SampledToken token) {
        RequestState state = sequence.request();
        if (token.tokenId() == SampledToken.INVALID) {
            fail(
                    state,
                    "numerical_error",
                    "the model's logits after "
                            + sequence.numTokens()
                            + " tokens hold no usable number");
            return;
        }
        sequence.append(token.tokenId());
        counters.generated();
        state.tokenChosen(clock);
        boolean isOver = state.output(sequence).append(token, sequence.isFull());
        if (sequence.constraint() != null && !isOver) {
            sequence.constraint().accept(token.tokenId());
            isOver = force(sequence);
        }
        if (isOver) {
            speculator.finished(sequence);
            scheduler.remove(sequence, SequenceStatus.FINISHED);
            if (state.choiceFinished()) {
                endings.accept(state, state.result(clock.millis()));
            }
        }
    }

    /**
     * Takes over the tokens that a constraint leaves no choice about: the next step computes them
     * together. Log-probabilities are reported of computed tokens only, so those requests wait for
     * each. Returns whether the choice has ended.
     */
    private boolean force(Sequence sequence) {
        if (sequence.params().logprobs() >= 0) {
            return false;
        }
        ChoiceOutput output = sequence.request().output(sequence);
        int[] forced = sequence.constraint().forced();
        while (forced.length > 0) {
            for (int token : forced) {
                sequence.force(token);
                counters.forced();
                if (output.append(SampledToken.of(token), sequence.isFull())) {
                    return true;
                }
                sequence.constraint().accept(token);
            }
            forced = sequence.constraint().forced();
        }
        return false;
    }

    private void fail(RequestState state, String code, String message) {
        scheduler.removeAll(state);
        endings.accept(state, state.failure(code, message, clock.millis()));
    }
}
