package dev.millrace.engine.api;

import java.util.Objects;

/**
 * The form that an answer must have (docs/structured-output.md).
 *
 * @param text the JSON schema, the regular expression, or the choices as a JSON list of strings;
 *     empty for any JSON object
 * @param field the request field it comes from, for errors
 */
public record TextConstraint(Kind kind, String text, String field) {
    /** What the text of a constraint is. */
    public enum Kind {
        JSON_OBJECT,
        JSON_SCHEMA,
        REGEX,
        CHOICE
    }

    public TextConstraint {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(text, "text");
        Objects.requireNonNull(field, "field");
    }
}
