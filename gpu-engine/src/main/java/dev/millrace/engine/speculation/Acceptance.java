package dev.millrace.engine.speculation;

/**
 * How often the token that followed an earlier occurrence follows again, by the length of the
 * match: a moving average over everything that the engine has verified. Guesses that the load rule
 * kept out of a step are counted as well, since the step chooses that token anyway; so the
 * estimate finds its way back.
 */
public final class Acceptance {
    /** Weight of one observation: the average forgets over some hundred tokens. */
    static final double RATE = 1 / 64.0;

    /** Before anything is known: better than even only where several tokens agree. */
    private static final double FIRST_CHANCE = 0.4;

    private static final double LAST_CHANCE = 0.8;

    /** [MAX_MATCH + 1] by tokens in common */
    private final double[] chances = new double[PromptLookup.MAX_MATCH + 1];

    public Acceptance() {
        for (int length = 0; length < chances.length; length++) {
            chances[length] =
                    FIRST_CHANCE
                            + (LAST_CHANCE - FIRST_CHANCE) * length / PromptLookup.MAX_MATCH;
        }
    }

    /**
     * Chance, 0 to 1, that a guess after so many common tokens is right.
     *
     * @param matched beyond {@link PromptLookup#MAX_MATCH} counts as that
     */
    public double chance(int matched) {
        return chances[Math.min(matched, PromptLookup.MAX_MATCH)];
    }

    /** Notes what became of a guess. */
    public void observe(int matched, boolean followed) {
        int length = Math.min(matched, PromptLookup.MAX_MATCH);
        chances[length] += RATE * ((followed ? 1 : 0) - chances[length]);
    }
}
