package dev.millrace.engine.structured;

import com.fasterxml.jackson.databind.JsonNode;

import java.math.BigDecimal;

/** Strings and numbers of a schema. */
final class ScalarReader {
    private final JsonText json;
    private final Characters characters;

    ScalarReader(JsonText json) {
        this.json = json;
        characters = Characters.inJson(json.nodes);
    }

    Node string(JsonNode schema, String at) {
        boolean hasLength = schema.has("minLength") || schema.has("maxLength");
        boolean hasPattern = schema.has("pattern");
        boolean hasFormat = schema.has("format");
        if ((hasLength ? 1 : 0) + (hasPattern ? 1 : 0) + (hasFormat ? 1 : 0) > 1) {
            String second = hasFormat ? "format" : "pattern";
            throw new ConstraintException(
                    at + "/" + second,
                    "stands beside another rule for the same string (of pattern, format, and"
                            + " minLength with maxLength), which is not supported");
        }
        if (hasPattern) {
            return pattern(text(schema, "pattern", at), at + "/pattern");
        }
        if (hasFormat) {
            return format(text(schema, "format", at), at + "/format");
        }
        int min = count(schema, "minLength", 0, at);
        int max = count(schema, "maxLength", Node.UNBOUNDED, at);
        if (max < min) {
            throw new ConstraintException(at + "/maxLength", "is below minLength");
        }
        return json.quoted(json.nodes.repeat(json.character, min, max));
    }

    private Node pattern(String regex, String at) {
        try {
            return json.quoted(RegexParser.within(json.nodes, characters, regex));
        } catch (ConstraintException e) {
            throw new ConstraintException(at, e.getMessage());
        }
    }

    private Node format(String name, String at) {
        String regex = Formats.regex(name);
        if (regex == null) {
            throw new ConstraintException(
                    at, "is '" + name + "', which is not supported; known are " + Formats.names());
        }
        return json.quoted(RegexParser.whole(json.nodes, characters, regex));
    }

    Node number(JsonNode schema, String at, boolean isInteger) {
        BigDecimal min = bound(schema, "minimum", at);
        BigDecimal above = bound(schema, "exclusiveMinimum", at);
        BigDecimal max = bound(schema, "maximum", at);
        BigDecimal below = bound(schema, "exclusiveMaximum", at);
        BigDecimal step = bound(schema, "multipleOf", at);
        if (min == null && above == null && max == null && below == null && step == null) {
            return isInteger ? json.integer : json.number;
        }
        boolean isAbove = above != null && (min == null || above.compareTo(min) >= 0);
        boolean isBelow = below != null && (max == null || below.compareTo(max) <= 0);
        try {
            return NumberRange.of(
                    json,
                    new NumberRange.Limits(
                            isAbove ? above : min,
                            isAbove,
                            isBelow ? below : max,
                            isBelow,
                            step,
                            isInteger));
        } catch (ConstraintException e) {
            throw new ConstraintException(at + e.at(), e.getMessage());
        }
    }

    /** A string of JSON with no more escapes than it needs. */
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            quoted.append(JsonText.ESCAPED.contains(c) ? JsonText.escape(c) : String.valueOf(c));
        }
        return quoted.append('"').toString();
    }

    static int count(JsonNode schema, String keyword, int otherwise, String at) {
        JsonNode value = schema.get(keyword);
        if (value == null) {
            return otherwise;
        }
        boolean isCount = value.isNumber() && value.canConvertToExactIntegral();
        if (!isCount || !value.canConvertToInt() || value.intValue() < 0) {
            throw new ConstraintException(
                    at + "/" + keyword, "must be a count, not " + SchemaReader.shown(value));
        }
        return value.intValue();
    }

    private static BigDecimal bound(JsonNode schema, String keyword, String at) {
        JsonNode value = schema.get(keyword);
        if (value == null) {
            return null;
        }
        if (!value.isNumber()) {
            throw new ConstraintException(
                    at + "/" + keyword, "must be a number, not " + SchemaReader.shown(value));
        }
        return value.decimalValue();
    }

    private static String text(JsonNode schema, String keyword, String at) {
        JsonNode value = schema.get(keyword);
        if (!value.isTextual()) {
            throw new ConstraintException(
                    at + "/" + keyword, "must be a string, not " + SchemaReader.shown(value));
        }
        return value.textValue();
    }
}
