package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.ops.registry.RegistryStore.SubjectVersion;

import java.util.List;

/**
 * /compatibility: may this schema follow one version of a subject, or all that the subject's level
 * asks for?
 */
final class CompatibilityResource {
    private final RegistryStore store;

    CompatibilityResource(RegistryStore store) {
        this.store = store;
    }

    JsonNode answer(RegistryRequest request) {
        boolean all = request.is("compatibility", "subjects", "*", "versions");
        if (!all && !request.is("compatibility", "subjects", "*", "versions", "*")) {
            throw ApiException.noPath();
        }
        if (!request.method().equals("POST")) {
            throw ApiException.noMethod();
        }
        SchemaInput input = SchemaInput.of(request);
        String subject = request.subject(2);
        List<SubjectVersion> against = all ? store.versions(subject, false) : one(request);
        List<String> objections = store.objections(subject, input.schema(), against);
        ObjectNode answer =
                RegistryApi.JSON.objectNode().put("is_compatible", objections.isEmpty());
        if (request.flag("verbose")) {
            ArrayNode messages = answer.putArray("messages");
            objections.forEach(messages::add);
        }
        return answer;
    }

    private List<SubjectVersion> one(RegistryRequest request) {
        // A subject without versions has no latest one that could object; any other version must be
        // there.
        boolean latest =
                request.path().get(4).equals("latest") || request.path().get(4).equals("-1");
        if (latest && store.versions(request.subject(2), false).isEmpty()) {
            return List.of();
        }
        return List.of(SubjectResource.find(store, request, 2, 4, false));
    }
}
