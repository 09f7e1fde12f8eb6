package dev.millrace.sink.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;

/** What an assistant's message says besides its text: tool calls, reasoning, a refusal. */
final class MessageExtra {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String REFUSAL = "refusal";

    private MessageExtra() {}

    /**
     * Writes the members into the message that is open; refusal is always there, as in OpenAI's
     * API.
     *
     * @param extra one JSON object as text, or null
     */
    static void write(JsonGenerator json, String extra) throws IOException {
        JsonNode members = extra == null ? JSON.createObjectNode() : JSON.readTree(extra);
        if (!members.has(REFUSAL)) {
            json.writeNullField(REFUSAL);
        }
        for (var member : members.properties()) {
            json.writeFieldName(member.getKey());
            JSON.writeTree(json, member.getValue());
        }
    }
}
