package dev.millrace.engine.api;

import java.util.Objects;

/**
 * Whether the engine guesses the next tokens of a sequence from what it has read already, and
 * verifies the guesses in one step. Answers are the same either way, up to the rounding that the
 * number of rows of a step changes.
 *
 * @param maxDraftTokens most tokens guessed for one sequence in one step
 */
public record Speculation(Mode mode, int maxDraftTokens) {
    private static final int DEFAULT_DRAFT_TOKENS = 16;

    /** When to guess. */
    public enum Mode {
        /** Never. */
        OFF,

        /** Where the guesses are likely enough to pay for their rows at the step's load. */
        AUTO,

        /** Wherever there is a guess, whatever it costs: to measure what AUTO avoids, and to test. */
        ALWAYS
    }

    public static final Speculation OFF = new Speculation(Mode.OFF, DEFAULT_DRAFT_TOKENS);
    public static final Speculation AUTO = new Speculation(Mode.AUTO, DEFAULT_DRAFT_TOKENS);

    public Speculation {
        Objects.requireNonNull(mode, "mode");
        if (maxDraftTokens < 1) {
            throw new IllegalArgumentException(
                    "engine setting maxDraftTokens is out of range: " + maxDraftTokens);
        }
    }
}
