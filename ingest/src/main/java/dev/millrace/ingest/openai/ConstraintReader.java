package dev.millrace.ingest.openai;

import dev.millrace.schemas.ConstraintKind;
import dev.millrace.schemas.OutputConstraint;
import dev.millrace.schemas.PromptJob;

import java.util.List;
import java.util.Set;

/**
 * The fields that say which form an answer must have: OpenAI's {@code response_format}, vLLM's
 * {@code structured_outputs} and its older {@code guided_json}, {@code guided_regex} and {@code
 * guided_choice}. At most one of them is given. What the schema or expression says is the engine's
 * to check.
 */
final class ConstraintReader {
    private static final List<String> FORMS = List.of("json", "regex", "choice", "json_object");

    /** Of json_schema: what it may hold. */
    private static final Set<String> SCHEMA_MEMBERS =
            Set.of("name", "description", "strict", "schema");

    private ConstraintReader() {}

    static void responseFormat(JsonField field, PromptJob.Builder job) {
        String type = required(field.object(), "type").text();
        switch (type) {
            case "text" -> {}
            case "json_object" -> put(job, ConstraintKind.JSON_OBJECT, "", field.path());
            case "json_schema" -> jsonSchema(required(field, "json_schema").object(), job);
            default ->
                    throw unsupported(
                            field.member("type"),
                            "'" + type + "'; known are text, json_object and json_schema");
        }
    }

    private static void jsonSchema(JsonField field, PromptJob.Builder job) {
        for (String name : (Iterable<String>) field.value()::fieldNames) {
            if (!SCHEMA_MEMBERS.contains(name)) {
                throw unknown(field.member(name));
            }
        }
        JsonField schema = required(field, "schema").object();
        put(job, ConstraintKind.JSON_SCHEMA, schema.value().toString(), schema.path());
        if (field.value().hasNonNull("name")) {
            job.getConstraint().setName(field.member("name").text());
        }
    }

    static void structuredOutputs(JsonField field, PromptJob.Builder job) {
        for (String name : (Iterable<String>) field.object().value()::fieldNames) {
            JsonField form = field.member(name);
            if (form.value().isNull() || form.value().isBoolean() && !form.value().booleanValue()) {
                continue;
            }
            switch (name) {
                case "json" -> json(form, job);
                case "regex" -> regex(form, job);
                case "choice" -> choice(form, job);
                case "json_object" -> {
                    form.bool();
                    put(job, ConstraintKind.JSON_OBJECT, "", form.path());
                }
                default ->
                        throw unsupported(form, "; known are " + String.join(", ", FORMS));
            }
        }
    }

    /** The schema itself, or its text, as vLLM takes both. */
    static void json(JsonField field, PromptJob.Builder job) {
        boolean isText = field.value().isTextual();
        String schema = isText ? field.nonEmptyText() : field.object().value().toString();
        put(job, ConstraintKind.JSON_SCHEMA, schema, field.path());
    }

    static void regex(JsonField field, PromptJob.Builder job) {
        put(job, ConstraintKind.REGEX, field.nonEmptyText(), field.path());
    }

    static void choice(JsonField field, PromptJob.Builder job) {
        if (field.items().isEmpty()) {
            throw field.wrongValue("must hold at least one string", "none");
        }
        field.items().forEach(JsonField::nonEmptyText);
        put(job, ConstraintKind.CHOICE, field.value().toString(), field.path());
    }

    private static void put(
            PromptJob.Builder job, ConstraintKind kind, String text, String path) {
        if (job.getConstraint() != null) {
            throw new FieldException(
                    ErrorCodes.INVALID_VALUE,
                    path,
                    path + " is given beside " + job.getConstraint().getField() + "; give one");
        }
        job.setConstraint(new OutputConstraint(kind, text, path, null));
    }

    private static JsonField required(JsonField field, String name) {
        if (!field.value().hasNonNull(name)) {
            String path = field.path() + "." + name;
            throw new FieldException(ErrorCodes.MISSING, path, path + " is missing");
        }
        return field.member(name);
    }

    private static FieldException unknown(JsonField field) {
        return new FieldException(
                ErrorCodes.UNKNOWN,
                field.path(),
                field.path() + " is not a field that is known here");
    }

    private static FieldException unsupported(JsonField field, String known) {
        return new FieldException(
                ErrorCodes.UNSUPPORTED_VALUE,
                field.path(),
                field.path() + " is not supported: " + known);
    }
}
