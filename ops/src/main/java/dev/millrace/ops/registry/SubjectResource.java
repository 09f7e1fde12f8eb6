package dev.millrace.ops.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.ops.registry.RegistryStore.SubjectVersion;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** /subjects: registering, looking up, listing and deleting versions. */
final class SubjectResource {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final RegistryStore store;

    SubjectResource(RegistryStore store) {
        this.store = store;
    }

    JsonNode answer(RegistryRequest request) {
        String method = request.method();
        if (request.is("subjects")) {
            return switch (method) {
                case "GET" -> list(request);
                default -> throw ApiException.noMethod();
            };
        }
        if (request.is("subjects", "*")) {
            return switch (method) {
                case "POST" -> lookup(request);
                case "DELETE" -> deleteSubject(request);
                default -> throw ApiException.noMethod();
            };
        }
        if (request.is("subjects", "*", "versions")) {
            return switch (method) {
                case "GET" -> versionNumbers(request);
                case "POST" -> register(request);
                default -> throw ApiException.noMethod();
            };
        }
        if (request.is("subjects", "*", "versions", "*")) {
            return switch (method) {
                case "GET" -> describe(store, find(store, request, 1, 3, request.flag("deleted")));
                case "DELETE" -> deleteVersion(request);
                default -> throw ApiException.noMethod();
            };
        }
        boolean isSchema = request.is("subjects", "*", "versions", "*", "schema");
        boolean isReferences = request.is("subjects", "*", "versions", "*", "referencedby");
        if ((isSchema || isReferences) && !method.equals("GET")) {
            throw ApiException.noMethod();
        }
        if (isSchema) {
            return parse(store.text(find(store, request, 1, 3, request.flag("deleted")).id()));
        }
        if (isReferences) {
            find(store, request, 1, 3, false);
            return RegistryApi.JSON.arrayNode(); // There are no references between schemas here.
        }
        throw ApiException.noPath();
    }

    private JsonNode list(RegistryRequest request) {
        boolean deletedOnly = request.flag("deletedOnly");
        String prefix =
                request.query().getOrDefault("subjectPrefix", "").replaceFirst("^:\\*?:", "");
        Set<String> live = new LinkedHashSet<>();
        store.allVersions(false).forEach(v -> live.add(v.subject()));
        Set<String> names = new LinkedHashSet<>();
        store.allVersions(deletedOnly || request.flag("deleted"))
                .forEach(v -> names.add(v.subject()));
        if (deletedOnly) {
            names.removeAll(live);
        }
        ArrayNode answer = RegistryApi.JSON.arrayNode();
        names.stream().filter(n -> n.startsWith(prefix)).forEach(answer::add);
        return answer;
    }

    private JsonNode register(RegistryRequest request) {
        SchemaInput input = SchemaInput.of(request);
        int id = store.register(request.subject(1), input.text(), input.schema());
        return RegistryApi.JSON.objectNode().put("id", id);
    }

    private JsonNode lookup(RegistryRequest request) {
        String subject = request.subject(1);
        List<SubjectVersion> versions = store.versions(subject, request.flag("deleted"));
        if (versions.isEmpty()) {
            throw ApiException.subjectNotFound(subject);
        }
        String wanted = SchemaInput.of(request).text();
        boolean normalize = request.flag("normalize");
        for (SubjectVersion v : versions.reversed()) {
            String text = store.text(v.id());
            if (wanted.equals(normalize ? SchemaInput.normalized(text).text() : text)) {
                return describe(store, v);
            }
        }
        throw ApiException.schemaNotFound();
    }

    private JsonNode versionNumbers(RegistryRequest request) {
        String subject = request.subject(1);
        List<SubjectVersion> versions =
                store.versions(subject, request.flag("deleted") || request.flag("deletedOnly"));
        ArrayNode answer = RegistryApi.JSON.arrayNode();
        versions.stream()
                .filter(v -> v.deleted() || !request.flag("deletedOnly"))
                .forEach(v -> answer.add(v.version()));
        if (answer.isEmpty()) {
            throw ApiException.subjectNotFound(subject);
        }
        return answer;
    }

    private JsonNode deleteSubject(RegistryRequest request) {
        String subject = request.subject(1);
        List<SubjectVersion> all = store.versions(subject, true);
        List<SubjectVersion> live = store.versions(subject, false);
        if (all.isEmpty()) {
            throw ApiException.subjectNotFound(subject);
        }
        boolean permanent = request.flag("permanent");
        if (permanent && !live.isEmpty()) {
            throw ApiException.subjectNotSoftDeleted(subject);
        }
        if (!permanent && live.isEmpty()) {
            throw ApiException.subjectSoftDeleted(subject);
        }
        List<SubjectVersion> gone = permanent ? all : live;
        store.delete(gone, permanent);
        ArrayNode answer = RegistryApi.JSON.arrayNode();
        gone.forEach(v -> answer.add(v.version()));
        return answer;
    }

    private JsonNode deleteVersion(RegistryRequest request) {
        SubjectVersion version = find(store, request, 1, 3, true);
        boolean permanent = request.flag("permanent");
        if (permanent && !version.deleted()) {
            throw ApiException.versionNotSoftDeleted(version.subject(), version.version());
        }
        if (!permanent && version.deleted()) {
            throw ApiException.versionSoftDeleted(version.subject(), version.version());
        }
        store.delete(List.of(version), permanent);
        return IntNode.valueOf(version.version());
    }

    /**
     * The version that two segments of the path name: a number, or "latest" (also -1), which is the
     * newest not deleted.
     */
    static SubjectVersion find(
            RegistryStore store,
            RegistryRequest request,
            int subjectSegment,
            int versionSegment,
            boolean withDeleted) {
        String subject = request.subject(subjectSegment);
        String text = request.path().get(versionSegment);
        int wanted = versionNumber(text);
        List<SubjectVersion> live = store.versions(subject, false);
        List<SubjectVersion> all = withDeleted ? store.versions(subject, true) : live;
        if (all.isEmpty()) {
            throw ApiException.subjectNotFound(subject);
        }
        if (wanted < 0) {
            return live.isEmpty() ? all.getLast() : live.getLast();
        }
        return all.stream()
                .filter(v -> v.version() == wanted)
                .findFirst()
                .orElseThrow(() -> ApiException.versionNotFound(text));
    }

    /** The number, or -1 for the latest. */
    private static int versionNumber(String text) {
        if (text.equals("latest") || text.equals("-1")) {
            return -1;
        }
        try {
            int number = Integer.parseInt(text);
            if (number > 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            throw ApiException.invalidVersion(text);
        }
        throw ApiException.invalidVersion(text);
    }

    /** The long form of a version. */
    static ObjectNode describe(RegistryStore store, SubjectVersion v) {
        return RegistryApi.JSON
                .objectNode()
                .put("subject", v.subject())
                .put("version", v.version())
                .put("id", v.id())
                .put("schema", store.text(v.id()));
    }

    /** A schema's text as the JSON that it is. */
    static JsonNode parse(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the store holds a schema that is no JSON", e);
        }
    }
}
