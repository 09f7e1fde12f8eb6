package dev.millrace.schemas.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;

/**
 * A registry over Confluent's documented REST API (docs.confluent.io, "Schema Registry API Reference"). Ids
 * and schemas never change once given, so both directions are remembered for the life of the client: one
 * request per schema.
 */
public final class RestSchemaRegistryClient implements SchemaRegistryClient {
    private static final String AVRO = "AVRO";

    private final RegistryClientConfig config;
    private final RegistryHttp http;
    private final LongSupplier nanoTime;
    private final Map<String, Map<String, Integer>> registered = new ConcurrentHashMap<>();
    private final Map<String, Map<String, Integer>> lookedUp = new ConcurrentHashMap<>();
    private final Map<Integer, Schema> byId = new ConcurrentHashMap<>();
    private final Map<Integer, Long> missingUntilNanos = new ConcurrentHashMap<>();

    /** Connects when first asked. */
    public RestSchemaRegistryClient(RegistryClientConfig config) {
        this(config, System::nanoTime);
    }

    /** The same with a clock, for tests. */
    public RestSchemaRegistryClient(RegistryClientConfig config, LongSupplier nanoTime) {
        this.config = config;
        this.nanoTime = nanoTime;
        this.http = new RegistryHttp(config);
    }

    @Override
    public int register(String subject, Schema schema) {
        return cached(registered, subject, schema, subjectPath(subject) + "/versions" + normalizeQuery());
    }

    @Override
    public int lookup(String subject, Schema schema) {
        return cached(lookedUp, subject, schema, subjectPath(subject) + normalizeQuery());
    }

    private int cached(Map<String, Map<String, Integer>> cache, String subject, Schema schema, String path) {
        String text = schema.toString();
        Map<String, Integer> ids = cache.computeIfAbsent(subject, s -> new ConcurrentHashMap<>());
        Integer known = ids.get(text);
        if (known != null) {
            return known;
        }
        if (ids.size() >= config.maxSchemasPerSubject()) {
            throw new IllegalStateException("more than max.schemas.per.subject="
                    + config.maxSchemasPerSubject()
                    + " schemas for subject " + subject + ": is a schema made anew for each record?");
        }
        // Under the key's lock: threads that start together ask once.
        return ids.computeIfAbsent(text, t -> {
            int id = intMember(http.send("POST", path, schemaBody(t)), "id", path);
            byId.putIfAbsent(id, schema);
            return id;
        });
    }

    private String normalizeQuery() {
        return config.normalize() ? "?normalize=true" : "";
    }

    @Override
    public Schema byId(int id) {
        Schema known = byId.get(id);
        if (known != null) {
            return known;
        }
        Long missingUntil = missingUntilNanos.get(id);
        if (missingUntil != null && nanoTime.getAsLong() - missingUntil < 0) {
            throw new RegistryException("schema id " + id + " was unknown to the registry a moment ago",
                    RegistryException.SCHEMA_NOT_FOUND);
        }
        try {
            return byId.computeIfAbsent(id,
                    i -> parse(http.get("/schemas/ids/" + i + "?fetchMaxId=false"), "schema id " + i));
        } catch (RegistryException e) {
            if (e.errorCode() == RegistryException.SCHEMA_NOT_FOUND && !config.missingIdTtl().isZero()) {
                rememberMissing(id);
            }
            throw e;
        }
    }

    private void rememberMissing(int id) {
        if (missingUntilNanos.size() >= config.maxSchemasPerSubject()) {
            missingUntilNanos.clear(); // Bounded: made-up ids must not fill the heap.
        }
        missingUntilNanos.put(id, nanoTime.getAsLong() + config.missingIdTtl().toNanos());
    }

    @Override
    public RegisteredSchema latest(String subject) {
        return registeredSchema(subject, "latest");
    }

    @Override
    public RegisteredSchema version(String subject, int version) {
        return registeredSchema(subject, Integer.toString(version));
    }

    private RegisteredSchema registeredSchema(String subject, String version) {
        String path = subjectPath(subject) + "/versions/" + version;
        JsonNode answer = http.get(path);
        int id = intMember(answer, "id", path);
        Schema schema = byId.computeIfAbsent(id, i -> parse(answer, "schema id " + i));
        return new RegisteredSchema(subject, id, intMember(answer, "version", path), schema);
    }

    @Override
    public List<Integer> versions(String subject) {
        List<Integer> versions = new ArrayList<>();
        http.get(subjectPath(subject) + "/versions").forEach(v -> versions.add(v.asInt()));
        return versions;
    }

    @Override
    public List<String> subjects() {
        List<String> subjects = new ArrayList<>();
        http.get("/subjects").forEach(s -> subjects.add(s.asText()));
        return subjects;
    }

    @Override
    public List<String> incompatibilities(String subject, Schema schema) {
        JsonNode answer = http.send("POST", "/compatibility" + subjectPath(subject)
                + "/versions?verbose=true", schemaBody(schema.toString()));
        List<String> messages = new ArrayList<>();
        if (!answer.path("is_compatible").asBoolean()) {
            answer.path("messages").forEach(m -> messages.add(m.asText()));
            if (messages.isEmpty()) {
                messages.add("the registry calls it incompatible and gives no reason");
            }
        }
        return messages;
    }

    @Override
    public CompatibilityLevel compatibilityLevel(String subject) {
        JsonNode answer = http.get("/config/" + RegistryHttp.segment(subject) + "?defaultToGlobal=true");
        return CompatibilityLevel.of(answer.path("compatibilityLevel").asText());
    }

    @Override
    public void setCompatibilityLevel(String subject, CompatibilityLevel level) {
        http.send("PUT", "/config/" + RegistryHttp.segment(subject),
                JsonNodeFactory.instance.objectNode().put("compatibility", level.name()));
    }

    private static String subjectPath(String subject) {
        return "/subjects/" + RegistryHttp.segment(subject);
    }

    private static ObjectNode schemaBody(String text) {
        return JsonNodeFactory.instance.objectNode().put("schema", text);
    }

    private static int intMember(JsonNode answer, String member, String path) {
        if (!answer.path(member).canConvertToInt()) {
            throw new RegistryException("schema registry: the answer to " + path + " has no number '"
                    + member + "'", 200);
        }
        return answer.path(member).asInt();
    }

    /** The schema of an answer, after the schemas of other subjects that it refers to. */
    private Schema parse(JsonNode answer, String what) {
        Schema.Parser parser = new Schema.Parser(NameValidator.NO_VALIDATION).setValidateDefaults(false);
        return parse(answer, what, parser);
    }

    private Schema parse(JsonNode answer, String what, Schema.Parser parser) {
        String type = answer.path("schemaType").asText(AVRO);
        if (!type.equals(AVRO)) {
            throw new UnreadableSchemaException(what + " is of type " + type + ", not Avro", null);
        }
        for (JsonNode reference : answer.path("references")) {
            if (!parser.getTypes().containsKey(reference.path("name").asText())) {
                String subject = reference.path("subject").asText();
                String version = reference.path("version").asText();
                parse(http.get(subjectPath(subject) + "/versions/" + version),
                        subject + " version " + version, parser);
            }
        }
        try {
            return parser.parse(answer.path("schema").asText());
        } catch (RuntimeException e) {
            throw new UnreadableSchemaException(what + " is no Avro schema: " + e.getMessage(), e);
        }
    }

    /** Closes the connections; a request that waits for an answer fails. */
    @Override
    public void close() {
        http.close();
    }
}
