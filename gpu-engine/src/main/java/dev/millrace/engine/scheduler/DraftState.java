package dev.millrace.engine.scheduler;

import dev.millrace.engine.speculation.Acceptance;
import dev.millrace.engine.speculation.PromptLookup;

/** What speculation keeps for one running sequence: a guess, and how its guesses went so far. */
final class DraftState {
    /** Weight of one observation in a sequence's own average. */
    private static final double RATE = 1 / 8.0;

    final PromptLookup lookup = new PromptLookup();

    /** The next tokens as guessed; the first {@link #length} count. */
    private final int[] guess;

    /** 0 without a guess. */
    private int length;

    /** Tokens in common behind the guess. */
    private int matched;

    /** How guesses from the same kind of text went. */
    private Acceptance acceptance;

    private double ownChance = Double.NaN;

    /**
     * @param most tokens of a guess
     */
    DraftState(int most) {
        guess = new int[most];
    }

    /** Says that the first {@code count} of {@link #guess} are one. */
    void guessed(int count, int tokensInCommon, Acceptance ofItsKind) {
        length = count;
        matched = tokensInCommon;
        acceptance = ofItsKind;
    }

    void forget() {
        length = 0;
    }

    /** Room for a guess. */
    int[] guess() {
        return guess;
    }

    int length() {
        return length;
    }

    /**
     * The chance of the guess's token {@code i}, given that those before it are right: from
     * everybody's guesses of its kind and from how the sequence's own went, since copying comes in
     * stretches.
     */
    double chance(int i) {
        double ofAll = acceptance.chance(matched + i);
        return Double.isNaN(ownChance) ? ofAll : (ownChance + ofAll) / 2;
    }

    /** Notes what became of the guess's token {@code i}. */
    void observe(int i, boolean right) {
        double before = Double.isNaN(ownChance) ? acceptance.chance(matched + i) : ownChance;
        ownChance = before + RATE * ((right ? 1 : 0) - before);
        acceptance.observe(matched + i, right);
    }
}
