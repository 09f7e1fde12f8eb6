package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.kvcache.KvCache;
import dev.millrace.engine.speculation.Acceptance;
import dev.millrace.engine.speculation.LoadRule;
import dev.millrace.engine.speculation.RecentAnswers;

/**
 * Adds guesses to a step that has been scheduled, and keeps the account of how they went. Guesses
 * take only what nobody else wants: budget left after admission, and blocks above the watermark;
 * nothing is preempted for them.
 */
final class Speculator {
    private final Speculation config;
    private final LoadRule rule;
    private final KvCache kv;
    private final RecentAnswers answers = new RecentAnswers();
    private final Acceptance ofOwn = new Acceptance();
    private final Acceptance ofOthers = new Acceptance();
    private long drafts;
    private long draftTokens;
    private long acceptedTokens;

    Speculator(Speculation config, double fixedCostRows, KvCache kv) {
        this.config = config;
        rule = new LoadRule(fixedCostRows);
        this.kv = kv;
    }

    DraftCounts counts() {
        return new DraftCounts(drafts, draftTokens, acceptedTokens);
    }

    /** Lengthens entries of the step by guesses, in the order of the step. */
    void draft(ScheduledStep step) {
        boolean always = config.mode() == Speculation.Mode.ALWAYS;
        int choosing = step.numChoosing();
        if (config.mode() == Speculation.Mode.OFF || !always && !rule.mayPay(choosing)) {
            return;
        }
        double least = always ? 0 : rule.leastChance(choosing);
        for (int i = 0; i < step.size() && step.budgetLeft() > 0; i++) {
            Sequence sequence = step.sequence(i);
            // A constraint knows only the next token's mask.
            if (step.choosesToken(i) && sequence.hasOutput() && sequence.constraint() == null) {
                draft(step, i, least);
            }
        }
    }

    private void draft(ScheduledStep step, int i, double least) {
        Sequence sequence = step.sequence(i);
        DraftState state = sequence.startDraftState(config.maxDraftTokens());
        look(sequence, state);
        int most = Math.min(step.budgetLeft(), sequence.maxDraftTokens());
        int count = likely(state, Math.min(most, state.length()), least);
        if (count > 0 && kv.growSpare(sequence.blocks(), sequence.numTokens() + count)) {
            sequence.draft(state.guess(), count);
            step.draft(i, count);
            drafts++;
            draftTokens += count;
        }
    }

    /** Looks for a guess in the sequence's own tokens and in recent answers; the likelier counts. */
    private void look(Sequence sequence, DraftState state) {
        int[] tokens = sequence.tokens();
        int numTokens = sequence.numTokens();
        int own = state.lookup.find(tokens, numTokens, tokens, numTokens);
        int others = answers.find(tokens, numTokens);
        double ownChance = own == 0 ? 0 : ofOwn.chance(own);
        double othersChance = others == 0 ? 0 : ofOthers.chance(others);
        if (ownChance >= othersChance && own > 0) {
            goOn(tokens, state.lookup.continuation(), numTokens, state.guess());
            state.guessed(state.guess().length, own, ofOwn);
        } else if (others > 0) {
            state.guessed(answers.continuation(state.guess()), others, ofOthers);
        } else {
            state.forget();
        }
    }

    /** The tokens from {@code from} on; at the end they begin again, as a repetition does. */
    private static void goOn(int[] tokens, int from, int numTokens, int[] guess) {
        for (int i = 0; i < guess.length; i++) {
            guess[i] = tokens[from + i % (numTokens - from)];
        }
    }

    /** How many tokens of the guess are worth their rows: each needs all before it to be right. */
    private static int likely(DraftState state, int most, double least) {
        double chance = 1;
        int count = 0;
        while (count < most) {
            chance *= state.chance(count);
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
        DraftState state = step.sequence(i).draftState();
        if (state == null || verified >= state.length()) {
            return false;
        }
        boolean drafted = verified < step.drafted(i);
        boolean right = token == state.guess()[verified];
        // The token behind the last drafted one is scored only where it was the first.
        if (drafted || verified == 0) {
            state.observe(verified, right);
        }
        if (drafted && right) {
            step.accepted(i, verified + 1);
            acceptedTokens++;
            return true;
        }
        state.forget();
        return false;
    }

    /** Learns from an answer that is complete. */
    void finished(Sequence sequence) {
        if (config.mode() != Speculation.Mode.OFF) {
            answers.add(sequence.tokens(), sequence.numPromptTokens(), sequence.numTokens());
        }
    }
}
