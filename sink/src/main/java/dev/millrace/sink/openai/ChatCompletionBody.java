package dev.millrace.sink.openai;

import com.fasterxml.jackson.core.JsonGenerator;

import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.TokenLogprob;
import dev.millrace.schemas.TopLogprob;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The body of a /v1/chat/completions response. Token ids follow vLLM's {@code return_token_ids}:
 * the prompt's at the top, each choice's with the choice.
 */
final class ChatCompletionBody {
    private ChatCompletionBody() {}

    static void write(JsonGenerator json, Completion completion, String digest) throws IOException {
        json.writeStartObject();
        ResponseParts.writeHead(json, "chatcmpl-" + digest, "chat.completion", completion);
        json.writeArrayFieldStart("choices");
        for (Choice choice : completion.getChoices()) {
            writeChoice(json, choice);
        }
        json.writeEndArray();
        ResponseParts.writeUsage(json, completion.getUsage());
        List<Choice> choices = completion.getChoices();
        if (!choices.isEmpty() && choices.getFirst().getPromptTokenIds() != null) {
            ResponseParts.writeInts(
                    json, "prompt_token_ids", choices.getFirst().getPromptTokenIds());
        }
        json.writeEndObject();
    }

    private static void writeChoice(JsonGenerator json, Choice choice) throws IOException {
        json.writeStartObject();
        json.writeNumberField("index", choice.getIndex());
        json.writeObjectFieldStart("message");
        json.writeStringField("role", "assistant");
        json.writeStringField("content", Text.wellFormed(choice.getText()));
        MessageExtra.write(json, choice.getMessageExtra());
        json.writeEndObject();
        writeLogprobs(json, choice.getLogprobs());
        ResponseParts.writeEnding(json, choice);
        json.writeEndObject();
    }

    private static void writeLogprobs(JsonGenerator json, List<TokenLogprob> logprobs)
            throws IOException {
        if (logprobs == null) {
            json.writeNullField("logprobs");
            return;
        }
        json.writeObjectFieldStart("logprobs");
        json.writeArrayFieldStart("content");
        for (TokenLogprob token : logprobs) {
            json.writeStartObject();
            writeToken(json, token.getToken(), token.getLogprob(), token.getBytes());
            json.writeArrayFieldStart("top_logprobs");
            for (TopLogprob top : token.getTop()) {
                json.writeStartObject();
                writeToken(json, top.getToken(), top.getLogprob(), top.getBytes());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
        json.writeNullField("refusal");
        json.writeEndObject();
    }

    private static void writeToken(
            JsonGenerator json, String token, double logprob, ByteBuffer bytes) throws IOException {
        json.writeStringField("token", Text.wellFormed(token));
        json.writeNumberField("logprob", ResponseParts.finite(logprob));
        json.writeArrayFieldStart("bytes");
        // Absolute reads: the record's buffer stays as it was for the next reader.
        for (int i = bytes.position(); i < bytes.limit(); i++) {
            json.writeNumber(bytes.get(i) & 0xFF);
        }
        json.writeEndArray();
    }
}
