package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.kvcache.KvCache;
import dev.millrace.engine.speculation.Acceptance;
import dev.millrace.engine.speculation.LoadRule;

/**
 * Adds guesses to a step that has been scheduled, and keeps the account of how they went. Guesses
 * take only what nobody else wants: budget left after admission, and blocks above the watermark;
 * nothing is preempted for them.
 */
final class Speculator {
    private final Speculation config;
    private final KvCache kv;
    private final Acceptance acceptance = new Acceptance();
    private long drafts;
    private long draftTokens;
    private long acceptedTokens;

    Speculator(Speculation config, KvCache kv) {
        this.config = config;
        this.kv = kv;
    }

    DraftCounts counts() {
        return new DraftCounts(drafts, draftTokens, acceptedTokens);
    }

    /** Lengthens entries of the step by guesses, in the order of the step. */
    void draft(ScheduledStep step) {
        boolean always = config.mode() == Speculation.Mode.ALWAYS;
        int choosing = step.numChoosing();
        if (config.mode() == Speculation.Mode.OFF || !always && !LoadRule.mayPay(choosing)) {
            return;
        }
        double least = always ? 0 : LoadRule.leastChance(choosing);
        for (int i = 0; i < step.size() && step.budgetLeft() > 0; i++) {
            if (step.choosesToken(i) && step.sequence(i).hasOutput()) {
                draft(step, i, least);
            }
        }
    }

    private void draft(ScheduledStep step, int i, double least) {
        Sequence sequence = step.sequence(i);
        DraftState state = sequence.startDraftState();
        state.matched = state.lookup.find(sequence.tokens(), sequence.numTokens());
        if (state.matched == 0) {
            return;
        }
        state.guess = sequence.tokens()[state.lookup.continuation()];
        int most =
                Math.min(
                        Math.min(config.maxDraftTokens(), step.budgetLeft()),
                        sequence.maxDraftTokens());
        int count = likely(state, most, least);
        if (count > 0 && kv.growSpare(sequence.blocks(), sequence.numTokens() + count)) {
            sequence.draft(state.lookup.continuation(), count);
            step.draft(i, count);
            drafts++;
            draftTokens += count;
        }
    }

    /** How many tokens of the guess are worth their rows: each needs all before it to be right. */
    private int likely(DraftState state, int most, double least) {
        double chance = 1;
        int count = 0;
        while (count < most) {
            chance *= state.chance(acceptance.chance(state.matched + count));
            if (chance < least) {
                break;
            }
            count++;
        }
        return count;
    }

    /**
     * Compares the token that the model chose for a sequence's next position with the guess.
     *
     * @param step where the sequence is entry {@code i}
     * @param verified guesses of this step before it, all right
     * @return whether it was guessed in the step, so that the row behind it stands on what is true
     */
    boolean verify(ScheduledStep step, int i, int verified, int token) {
        Sequence sequence = step.sequence(i);
        DraftState state = sequence.draftState();
        if (state == null || state.matched == 0) {
            return false;
        }
        boolean drafted = verified < step.drafted(i);
        boolean right = false;
        if (drafted || verified == 0) {
            right = token == (drafted ? sequence.tokens()[sequence.numTokens()] : state.guess);
            double chance = acceptance.chance(state.matched + verified);
            state.observe(right, chance);
            acceptance.observe(state.matched + verified, right);
        }
        if (drafted && right) {
            step.accepted(i, verified + 1);
            acceptedTokens++;
            return true;
        }
        state.matched = 0;
        return false;
    }
}
