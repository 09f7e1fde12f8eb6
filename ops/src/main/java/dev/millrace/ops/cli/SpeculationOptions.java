package dev.millrace.ops.cli;

import dev.millrace.engine.api.Speculation;

import picocli.CommandLine.Option;

/** When the engine guesses tokens ahead. */
public final class SpeculationOptions {
    @Option(
            names = "--speculation",
            paramLabel = "MODE",
            description =
                    "Guess the next tokens from what the sequence has read and verify them in one"
                            + " step: off, auto (where the load leaves room for it), or always (to"
                            + " measure). Answers stay the same. Asynchronous devices (cuda) never"
                            + " guess. Default: auto; in bench off.")
    Speculation.Mode mode;

    @Option(
            names = "--draft-tokens",
            paramLabel = "N",
            description = "Most tokens guessed for one sequence in one step (default 16).")
    Integer draftTokens;

    /**
     * The settings.
     *
     * @param otherwise the mode where none is named
     */
    Speculation speculation(Speculation.Mode otherwise) {
        try {
            return new Speculation(
                    mode == null ? otherwise : mode,
                    draftTokens == null ? Speculation.AUTO.maxDraftTokens() : draftTokens);
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage("--draft-tokens must be at least 1, not " + draftTokens);
        }
    }
}
