package dev.millrace.ingest.openai;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.ArrayList;
import java.util.List;

/**
 * A JSON value with its path inside the line. The readers return the value in the wanted type or
 * throw a {@link FieldException} that names path and value.
 */
record JsonField(String path, JsonNode value) {
    private static final int SHOWN_CHARS = 60;

    JsonField member(String name) {
        return new JsonField(path.isEmpty() ? name : path + "." + name, value.get(name));
    }

    String text() {
        if (!value.isTextual()) {
            throw wrongType("a string");
        }
        return value.textValue();
    }

    String nonEmptyText() {
        String text = text();
        if (text.isEmpty()) {
            throw wrongValue("must not be empty", "\"\"");
        }
        return text;
    }

    boolean bool() {
        if (!value.isBoolean()) {
            throw wrongType("true or false");
        }
        return value.booleanValue();
    }

    int int32() {
        if (!value.isIntegralNumber()) {
            throw wrongType("an integer");
        }
        if (!value.canConvertToInt()) {
            throw wrongValue("must fit in 32 bits", shown());
        }
        return value.intValue();
    }

    long int64() {
        if (!value.isIntegralNumber()) {
            throw wrongType("an integer");
        }
        if (!value.canConvertToLong()) {
            throw wrongValue("must fit in 64 bits", shown());
        }
        return value.longValue();
    }

    double number() {
        if (!value.isNumber()) {
            throw wrongType("a number");
        }
        double number = value.doubleValue();
        if (!Double.isFinite(number)) {
            throw wrongValue("must be a finite number", shown());
        }
        return number;
    }

    List<JsonField> items() {
        if (!value.isArray()) {
            throw wrongType("a list");
        }
        List<JsonField> items = new ArrayList<>(value.size());
        for (int i = 0; i < value.size(); i++) {
            items.add(new JsonField(path + "[" + i + "]", value.get(i)));
        }
        return items;
    }

    JsonField object() {
        if (!value.isObject()) {
            throw wrongType("an object");
        }
        return this;
    }

    /** A token id: an integer from 0. */
    int tokenId() {
        int id = int32();
        if (id < 0) {
            throw wrongValue("must be a token id, 0 or above", shown());
        }
        return id;
    }

    FieldException wrongType(String wanted) {
        return new FieldException(
                ErrorCodes.INVALID_TYPE, path, path + " must be " + wanted + ", not " + shown());
    }

    FieldException wrongValue(String rule, String given) {
        return new FieldException(
                ErrorCodes.INVALID_VALUE, path, path + " " + rule + ", not " + given);
    }

    /** The value as a person recognises it in an error, shortened. */
    String shown() {
        if (value.isContainerNode()) {
            return value.isArray() ? "a list" : "an object";
        }
        String text = value.toString();
        return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "…";
    }
}
