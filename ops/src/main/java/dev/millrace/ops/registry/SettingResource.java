package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.schemas.registry.CompatibilityLevel;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** /config and /mode: settings of all subjects and of single ones. */
final class SettingResource {
    private final RegistryStore store;

    SettingResource(RegistryStore store) {
        this.store = store;
    }

    JsonNode answer(RegistryRequest request) {
        if (request.path().size() > 2) {
            throw ApiException.noPath();
        }
        boolean global = request.path().size() == 1;
        String subject = global ? RegistryStore.ALL_SUBJECTS : request.subject(1);
        boolean level = request.path().getFirst().equals("config");
        boolean inherit = global || request.flag("defaultToGlobal");
        return switch (request.method()) {
            case "GET" -> level ? level(subject, inherit) : mode(subject, inherit);
            case "PUT" -> level ? putLevel(subject, request) : putMode(subject, request);
            case "DELETE" -> level ? deleteLevel(subject, global) : deleteMode(subject, global);
            default -> throw ApiException.noMethod();
        };
    }

    private JsonNode level(String subject, boolean inherit) {
        CompatibilityLevel level = inherit ? store.level(subject) : store.ownLevel(subject);
        if (level == null) {
            throw ApiException.noSubjectLevel(subject);
        }
        return RegistryApi.JSON.objectNode().put("compatibilityLevel", level.name());
    }

    private JsonNode putLevel(String subject, RegistryRequest request) {
        JsonNode body = request.object(Set.of("compatibility"));
        CompatibilityLevel level;
        try {
            level = CompatibilityLevel.of(body.path("compatibility").asText());
        } catch (IllegalArgumentException e) {
            throw ApiException.invalidLevel(e.getMessage());
        }
        store.setLevel(subject, level);
        return RegistryApi.JSON.objectNode().put("compatibility", level.name());
    }

    private JsonNode deleteLevel(String subject, boolean global) {
        CompatibilityLevel old = global ? store.level(subject) : store.ownLevel(subject);
        if (old == null) {
            throw ApiException.subjectNotFound(subject);
        }
        store.setLevel(subject, null);
        return RegistryApi.JSON.objectNode().put("compatibilityLevel", old.name());
    }

    private JsonNode mode(String subject, boolean inherit) {
        RegistryMode mode = inherit ? store.mode(subject) : store.ownMode(subject);
        if (mode == null) {
            throw ApiException.noSubjectMode(subject);
        }
        return RegistryApi.JSON.objectNode().put("mode", mode.name());
    }

    private JsonNode putMode(String subject, RegistryRequest request) {
        String name = request.object(Set.of("mode")).path("mode").asText();
        RegistryMode mode = Arrays.stream(RegistryMode.values()).filter(m -> m.name().equals(name))
                .findFirst().orElseThrow(() -> ApiException.invalidMode(
                        "'" + name + "' is none of " + List.of(RegistryMode.values())));
        store.setMode(subject, mode);
        return RegistryApi.JSON.objectNode().put("mode", mode.name());
    }

    private JsonNode deleteMode(String subject, boolean global) {
        RegistryMode old = global ? store.mode(subject) : store.ownMode(subject);
        if (old == null) {
            throw ApiException.subjectNotFound(subject);
        }
        store.setMode(subject, null);
        return RegistryApi.JSON.objectNode().put("mode", old.name());
    }
}
