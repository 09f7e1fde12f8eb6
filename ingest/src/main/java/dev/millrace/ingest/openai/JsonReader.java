package dev.millrace.ingest.openai;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;

/**
 * Reads one JSON value into a tree and refuses what JSON libraries let pass: a key given twice
 * (whichever value they keep, the producer may have meant the other) and half of a surrogate pair,
 * which no UTF-8 can hold.
 */
final class JsonReader {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private JsonReader() {}

    /**
     * Reads the value that starts at the parser's current token. Depth is bounded by the parser's
     * own constraint.
     */
    static JsonNode read(JsonParser in) throws IOException {
        return switch (in.currentToken()) {
            case START_OBJECT -> readObject(in);
            case START_ARRAY -> readArray(in);
            case VALUE_STRING -> NODES.textNode(checked(in.getText(), in));
            case VALUE_NUMBER_INT ->
                    switch (in.getNumberType()) {
                        case INT -> NODES.numberNode(in.getIntValue());
                        case LONG -> NODES.numberNode(in.getLongValue());
                        default -> NODES.numberNode(in.getBigIntegerValue());
                    };
            case VALUE_NUMBER_FLOAT -> NODES.numberNode(in.getDoubleValue());
            case VALUE_TRUE -> NODES.booleanNode(true);
            case VALUE_FALSE -> NODES.booleanNode(false);
            case VALUE_NULL -> NODES.nullNode();
            default -> throw new IllegalStateException("no value at " + in.currentToken());
        };
    }

    private static ObjectNode readObject(JsonParser in) throws IOException {
        ObjectNode object = NODES.objectNode();
        while (in.nextToken() != JsonToken.END_OBJECT) {
            String name = checked(in.currentName(), in);
            in.nextToken();
            if (object.has(name)) {
                String path = path(in);
                throw new FieldException(ErrorCodes.INVALID_JSON, path, path + " is given twice");
            }
            object.set(name, read(in));
        }
        return object;
    }

    private static ArrayNode readArray(JsonParser in) throws IOException {
        ArrayNode array = NODES.arrayNode();
        while (in.nextToken() != JsonToken.END_ARRAY) {
            array.add(read(in));
        }
        return array;
    }

    /** Refuses a lone surrogate, which an escape like backslash-ud800 can smuggle in. */
    private static String checked(String text, JsonParser in) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            boolean pair =
                    Character.isHighSurrogate(c)
                            && i + 1 < text.length()
                            && Character.isLowSurrogate(text.charAt(i + 1));
            if (!pair) {
                String path = path(in);
                String message =
                        path
                                + " holds half of a surrogate pair (\\u%04x) at character %d"
                                        .formatted((int) c, i + 1);
                throw new FieldException(ErrorCodes.INVALID_VALUE, path, message);
            }
            i++;
        }
        return text;
    }

    /** Where the parser stands, as body.messages[2].role. */
    static String path(JsonParser in) {
        StringBuilder path = new StringBuilder();
        appendPath(in.getParsingContext(), path);
        return path.toString();
    }

    private static void appendPath(JsonStreamContext context, StringBuilder path) {
        if (context == null || context.inRoot()) {
            return;
        }
        appendPath(context.getParent(), path);
        if (context.inArray()) {
            path.append('[').append(context.getCurrentIndex()).append(']');
        } else if (context.getCurrentName() != null) {
            path.append(path.isEmpty() ? "" : ".").append(context.getCurrentName());
        }
    }
}
