package dev.millrace.engine.scheduler;

import dev.millrace.engine.speculation.PromptLookup;

/** What speculation keeps for one running sequence. */
final class DraftState {
    /** Weight of one observation in a sequence's own average. */
    private static final double RATE = 1 / 8.0;

    final PromptLookup lookup = new PromptLookup();

    /** Tokens in common behind the guess for the next token; 0 without one. */
    int matched;

    /** The guess for the next token, where there is one. */
    int guess;

    private double chance = Double.NaN;

    /**
     * The chance of a guess of this sequence, from everybody's guesses of its kind and from how its
     * own went: copying comes in stretches.
     */
    double chance(double ofAll) {
        return Double.isNaN(chance) ? ofAll : (chance + ofAll) / 2;
    }

    void observe(boolean followed, double ofAll) {
        double before = Double.isNaN(chance) ? ofAll : chance;
        chance = before + RATE * ((followed ? 1 : 0) - before);
    }
}
