package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

/** Request to answer, by the first segment of the path. */
final class RegistryApi {
    static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final SubjectResource subjects;
    private final SchemaResource schemas;
    private final CompatibilityResource compatibility;
    private final SettingResource settings;

    RegistryApi(RegistryStore store) {
        subjects = new SubjectResource(store);
        schemas = new SchemaResource(store);
        compatibility = new CompatibilityResource(store);
        settings = new SettingResource(store);
    }

    /** The answer's JSON; {@link ApiException} otherwise. */
    JsonNode answer(RegistryRequest request) {
        String first = request.path().isEmpty() ? "" : request.path().getFirst();
        return switch (first) {
            case "" -> JSON.objectNode();
            case "subjects" -> subjects.answer(request);
            case "schemas" -> schemas.answer(request);
            case "compatibility" -> compatibility.answer(request);
            case "config", "mode" -> settings.answer(request);
            case "contexts" -> contexts(request);
            default -> throw ApiException.noPath();
        };
    }

    private static JsonNode contexts(RegistryRequest request) {
        if (!request.is("contexts")) {
            throw ApiException.noPath();
        }
        if (!request.method().equals("GET")) {
            throw ApiException.noMethod();
        }
        ArrayNode contexts = JSON.arrayNode();
        return contexts.add(".");
    }
}
