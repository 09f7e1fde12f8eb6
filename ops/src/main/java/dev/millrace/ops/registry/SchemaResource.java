package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.ops.registry.RegistryStore.SubjectVersion;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** /schemas: by id, whatever the subject. */
final class SchemaResource {
    private final RegistryStore store;

    SchemaResource(RegistryStore store) {
        this.store = store;
    }

    JsonNode answer(RegistryRequest request) {
        boolean known =
                request.is("schemas")
                        || request.is("schemas", "types")
                        || request.is("schemas", "ids", "*")
                        || request.is("schemas", "ids", "*", "schema")
                        || request.is("schemas", "ids", "*", "subjects")
                        || request.is("schemas", "ids", "*", "versions");
        if (!known) {
            throw ApiException.noPath();
        }
        if (!request.method().equals("GET")) {
            throw ApiException.noMethod();
        }
        if (request.is("schemas")) {
            return list(request);
        }
        if (request.is("schemas", "types")) {
            return RegistryApi.JSON.arrayNode().add("AVRO");
        }
        int id = id(request.path().get(2));
        return switch (request.path().getLast()) {
            case "schema" -> SubjectResource.parse(text(id));
            case "subjects" -> subjects(id, request);
            case "versions" -> versions(id, request);
            default -> byId(id, request);
        };
    }

    private static int id(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw ApiException.noPath(); // As Confluent's typed path parameter has it.
        }
    }

    private String text(int id) {
        String text = store.text(id);
        if (text == null) {
            throw ApiException.idNotFound(id);
        }
        return text;
    }

    private JsonNode byId(int id, RegistryRequest request) {
        ObjectNode answer = RegistryApi.JSON.objectNode().put("schema", text(id));
        return request.flag("fetchMaxId") ? answer.put("maxId", store.lastId()) : answer;
    }

    private List<SubjectVersion> uses(int id, RegistryRequest request) {
        text(id);
        String subject = request.query().get("subject");
        return store.allVersions(request.flag("deleted")).stream()
                .filter(v -> v.id() == id && (subject == null || subject.equals(v.subject())))
                .toList();
    }

    private JsonNode subjects(int id, RegistryRequest request) {
        TreeSet<String> names = new TreeSet<>();
        uses(id, request).forEach(v -> names.add(v.subject()));
        ArrayNode answer = RegistryApi.JSON.arrayNode();
        names.forEach(answer::add);
        return answer;
    }

    private JsonNode versions(int id, RegistryRequest request) {
        ArrayNode answer = RegistryApi.JSON.arrayNode();
        uses(id, request)
                .forEach(
                        v ->
                                answer.addObject()
                                        .put("subject", v.subject())
                                        .put("version", v.version()));
        return answer;
    }

    private JsonNode list(RegistryRequest request) {
        String prefix =
                request.query().getOrDefault("subjectPrefix", "").replaceFirst("^:\\*?:", "");
        List<SubjectVersion> found =
                store.allVersions(request.flag("deleted")).stream()
                        .filter(v -> v.subject().startsWith(prefix))
                        .toList();
        if (request.flag("latestOnly")) {
            Map<String, SubjectVersion> latest = new LinkedHashMap<>();
            found.forEach(v -> latest.put(v.subject(), v));
            found = List.copyOf(latest.values());
        }
        ArrayNode answer = RegistryApi.JSON.arrayNode();
        found.forEach(v -> answer.add(SubjectResource.describe(store, v)));
        return answer;
    }
}
