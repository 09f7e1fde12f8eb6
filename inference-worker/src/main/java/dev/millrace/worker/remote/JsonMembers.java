package dev.millrace.worker.remote;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.RequestRejectedException;

import java.io.IOException;

/** The pieces of JSON that the contract carries as text. */
final class JsonMembers {
    private static final ObjectMapper JSON = new ObjectMapper();

    private JsonMembers() {}

    /** Whether the object has a member of this name; false for what is no object. */
    static boolean has(String object, String name) {
        return parse(object, name).has(name);
    }

    /** Writes the members of an object into the one that is open. */
    static void copy(String object, JsonGenerator out, String param) throws IOException {
        for (var member : parse(object, param).properties()) {
            out.writeFieldName(member.getKey());
            JSON.writeTree(out, member.getValue());
        }
    }

    /** The text as one line of JSON; refuses what is none. */
    static String checked(String text, String param) {
        return parse(text, param).toString();
    }

    private static JsonNode parse(String text, String param) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new RequestRejectedException(
                    "invalid_request",
                    param,
                    param + " is not the JSON it should be: " + e.getOriginalMessage());
        }
    }
}
