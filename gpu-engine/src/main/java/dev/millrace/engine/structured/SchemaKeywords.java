package dev.millrace.engine.structured;

import java.util.Map;
import java.util.Set;

/** What is done with each keyword of JSON Schema: the table behind docs/structured-output.md. */
final class SchemaKeywords {
    /** Say nothing about the value. */
    static final Set<String> ANNOTATIONS =
            Set.of(
                    "title",
                    "description",
                    "default",
                    "examples",
                    "deprecated",
                    "readOnly",
                    "writeOnly",
                    "$schema",
                    "$id",
                    "$comment",
                    "$defs",
                    "definitions");

    /** Stand alone, beside annotations. */
    static final Set<String> ALONE = Set.of("anyOf", "$ref");

    /** Stand beside {@code type} and annotations. */
    static final Set<String> VALUES = Set.of("enum", "const");

    /** Keyword to the type whose values it is about. */
    static final Map<String, String> OF_TYPE =
            Map.ofEntries(
                    Map.entry("properties", "object"),
                    Map.entry("required", "object"),
                    Map.entry("additionalProperties", "object"),
                    Map.entry("items", "array"),
                    Map.entry("minItems", "array"),
                    Map.entry("maxItems", "array"),
                    Map.entry("pattern", "string"),
                    Map.entry("format", "string"),
                    Map.entry("minLength", "string"),
                    Map.entry("maxLength", "string"),
                    Map.entry("minimum", "number"),
                    Map.entry("maximum", "number"),
                    Map.entry("exclusiveMinimum", "number"),
                    Map.entry("exclusiveMaximum", "number"),
                    Map.entry("multipleOf", "number"));

    static final Set<String> TYPES =
            Set.of("object", "array", "string", "number", "integer", "boolean", "null");

    private SchemaKeywords() {}

    static boolean knows(String keyword) {
        return keyword.equals("type")
                || ANNOTATIONS.contains(keyword)
                || ALONE.contains(keyword)
                || VALUES.contains(keyword)
                || OF_TYPE.containsKey(keyword);
    }
}
