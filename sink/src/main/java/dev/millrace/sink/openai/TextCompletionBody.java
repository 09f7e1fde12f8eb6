package dev.millrace.sink.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.TokenLogprob;
import dev.millrace.schemas.TopLogprob;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The body of a /v1/completions response. Log-probabilities have the older shape of four parallel arrays;
 * token ids follow vLLM's {@code return_token_ids}: both lists with each choice.
 */
final class TextCompletionBody {
    private TextCompletionBody() {}

    static void write(JsonGenerator json, Completion completion, String digest) throws IOException {
        json.writeStartObject();
        ResponseParts.writeHead(json, "cmpl-" + digest, "text_completion", completion);
        json.writeArrayFieldStart("choices");
        for (Choice choice : completion.getChoices()) {
            writeChoice(json, choice);
        }
        json.writeEndArray();
        ResponseParts.writeUsage(json, completion.getUsage());
        json.writeEndObject();
    }

    private static void writeChoice(JsonGenerator json, Choice choice) throws IOException {
        json.writeStartObject();
        json.writeNumberField("index", choice.getIndex());
        json.writeStringField("text", Text.wellFormed(choice.getText()));
        if (choice.getLogprobs() == null) {
            json.writeNullField("logprobs");
        } else {
            writeLogprobs(json, choice.getLogprobs());
        }
        ResponseParts.writeEnding(json, choice);
        if (choice.getPromptTokenIds() != null) {
            ResponseParts.writeInts(json, "prompt_token_ids", choice.getPromptTokenIds());
        }
        json.writeEndObject();
    }

    private static void writeLogprobs(JsonGenerator json, List<TokenLogprob> logprobs) throws IOException {
        json.writeObjectFieldStart("logprobs");
        json.writeArrayFieldStart("tokens");
        for (TokenLogprob token : logprobs) {
            json.writeString(Text.wellFormed(token.getToken()));
        }
        json.writeEndArray();
        json.writeArrayFieldStart("token_logprobs");
        for (TokenLogprob token : logprobs) {
            json.writeNumber(ResponseParts.finite(token.getLogprob()));
        }
        json.writeEndArray();
        json.writeArrayFieldStart("top_logprobs");
        for (TokenLogprob token : logprobs) {
            writeAlternatives(json, token);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("text_offset");
        int offset = 0;
        for (TokenLogprob token : logprobs) {
            json.writeNumber(offset);
            // Characters as Python counts them: OpenAI's clients slice the text with these.
            offset += token.getToken().codePointCount(0, token.getToken().length());
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    /**
     * The alternatives by their text, and the chosen token even when it is none of them. Of two with the same
     * text the likelier stays.
     */
    private static void writeAlternatives(JsonGenerator json, TokenLogprob token) throws IOException {
        Map<String, Double> byText = new LinkedHashMap<>();
        for (TopLogprob top : token.getTop()) {
            byText.putIfAbsent(Text.wellFormed(top.getToken()), top.getLogprob());
        }
        byText.putIfAbsent(Text.wellFormed(token.getToken()), token.getLogprob());
        json.writeStartObject();
        for (Map.Entry<String, Double> entry : byText.entrySet()) {
            json.writeNumberField(entry.getKey(), ResponseParts.finite(entry.getValue()));
        }
        json.writeEndObject();
    }
}
