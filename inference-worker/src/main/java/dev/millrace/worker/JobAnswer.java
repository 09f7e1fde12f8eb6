package dev.millrace.worker;

import dev.millrace.engine.api.EngineResult;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.Usage;

import java.util.List;

/**
 * What became of a request.
 *
 * @param choices in order of their index; empty where there is none
 * @param usage null when no model was reached
 * @param error null unless the request failed
 * @param timing milliseconds since the epoch; 0 or less for what nobody can tell
 * @param longestChoice most tokens of one choice; 0 where nobody can tell
 * @param seed the seed that was used
 */
public record JobAnswer(
        long requestId,
        List<Choice> choices,
        Usage usage,
        ErrorInfo error,
        EngineResult.Timing timing,
        int longestChoice,
        long seed) {

    public JobAnswer {
        choices = List.copyOf(choices);
    }

    public int promptTokens() {
        return usage == null ? 0 : usage.getPromptTokens();
    }

    public int completionTokens() {
        return usage == null ? 0 : usage.getCompletionTokens();
    }
}
