package dev.millrace.sink.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.Usage;
import java.io.IOException;
import java.util.List;

/** What the bodies of both endpoints have in common. */
final class ResponseParts {
    /** JSON knows no infinity; vLLM reports the log-probability of an impossible token as this. */
    private static final double LOWEST_LOGPROB = -9999.0;

    private ResponseParts() {}

    /** id, object, created (Unix seconds), model. */
    static void writeHead(JsonGenerator json, String id, String object,
            Completion completion) throws IOException {
        json.writeStringField("id", id);
        json.writeStringField("object", object);
        json.writeNumberField("created", completion.getFinishedAt().getEpochSecond());
        json.writeStringField("model", Text.wellFormed(completion.getModel()));
    }

    /**
     * finish_reason, stop_reason and, when the job asked for them, token_ids. vLLM's stop_reason is a number
     * for a stop token and a string for a stop string; the record has the token id as decimal text, so a stop
     * string that is a plain decimal number is reported as a number too.
     */
    static void writeEnding(JsonGenerator json, Choice choice) throws IOException {
        json.writeStringField("finish_reason", choice.getFinishReason());
        String stopReason = choice.getStopReason();
        if (stopReason != null && stopReason.matches("0|[1-9][0-9]{0,8}")) {
            json.writeNumberField("stop_reason", Integer.parseInt(stopReason));
        } else {
            json.writeStringField("stop_reason", Text.wellFormed(stopReason));
        }
        if (choice.getTokenIds() != null) {
            writeInts(json, "token_ids", choice.getTokenIds());
        }
    }

    static void writeUsage(JsonGenerator json, Usage usage) throws IOException {
        if (usage == null) {
            json.writeNullField("usage");
            return;
        }
        json.writeObjectFieldStart("usage");
        json.writeNumberField("prompt_tokens", usage.getPromptTokens());
        json.writeNumberField("completion_tokens", usage.getCompletionTokens());
        json.writeNumberField("total_tokens", usage.getPromptTokens() + usage.getCompletionTokens());
        json.writeObjectFieldStart("prompt_tokens_details");
        json.writeNumberField("cached_tokens", usage.getCachedTokens());
        json.writeEndObject();
        json.writeEndObject();
    }

    static void writeInts(JsonGenerator json, String name, List<Integer> values) throws IOException {
        json.writeArrayFieldStart(name);
        for (int value : values) {
            json.writeNumber(value);
        }
        json.writeEndArray();
    }

    static double finite(double logprob) {
        return logprob >= LOWEST_LOGPROB ? logprob : LOWEST_LOGPROB;
    }
}
