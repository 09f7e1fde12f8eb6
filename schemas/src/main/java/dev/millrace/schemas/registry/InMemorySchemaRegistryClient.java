package dev.millrace.schemas.registry;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;

/**
 * A registry within this JVM, for tests of topologies: {@code schema.registry.url=mock://scope}, as Confluent
 * has it. The same scope is the same registry. Refuses incompatible schemas as a real one does (BACKWARD
 * unless set otherwise).
 */
public final class InMemorySchemaRegistryClient implements SchemaRegistryClient {
    private static final Map<String, InMemorySchemaRegistryClient> SCOPES = new ConcurrentHashMap<>();

    private final Map<String, Integer> idsByText = new HashMap<>();
    private final List<Schema> schemasById = new ArrayList<>();
    private final Map<String, List<Integer>> idsBySubject = new TreeMap<>();
    private final Map<String, CompatibilityLevel> levels = new HashMap<>();

    /** The registry of a scope, made when first asked for. */
    public static InMemorySchemaRegistryClient scope(String scope) {
        return SCOPES.computeIfAbsent(scope, s -> new InMemorySchemaRegistryClient());
    }

    /** Forgets a scope, for tests that want an empty one. */
    public static void dropScope(String scope) {
        SCOPES.remove(scope);
    }

    @Override
    public synchronized int register(String subject, Schema schema) {
        Integer known = idsByText.get(schema.toString());
        if (known != null && idsBySubject.getOrDefault(subject, List.of()).contains(known)) {
            return known;
        }
        List<String> objections = incompatibilities(subject, schema);
        if (!objections.isEmpty()) {
            throw new RegistryException("subject " + subject + ": " + objections,
                    RegistryException.INCOMPATIBLE_SCHEMA);
        }
        int id = idsByText.computeIfAbsent(schema.toString(), text -> {
            schemasById.add(schema);
            return schemasById.size();
        });
        idsBySubject.computeIfAbsent(subject, s -> new ArrayList<>()).add(id);
        return id;
    }

    @Override
    public synchronized int lookup(String subject, Schema schema) {
        Integer id = idsByText.get(schema.toString());
        if (!ids(subject).contains(id)) {
            throw new RegistryException("subject " + subject + " has no such schema: "
                    + schema.getFullName(), RegistryException.SCHEMA_NOT_FOUND);
        }
        return id;
    }

    @Override
    public synchronized Schema byId(int id) {
        if (id < 1 || id > schemasById.size()) {
            throw new RegistryException("no schema has id " + id, RegistryException.SCHEMA_NOT_FOUND);
        }
        return schemasById.get(id - 1);
    }

    @Override
    public synchronized RegisteredSchema latest(String subject) {
        return version(subject, ids(subject).size());
    }

    @Override
    public synchronized RegisteredSchema version(String subject, int version) {
        List<Integer> ids = ids(subject);
        if (version < 1 || version > ids.size()) {
            throw new RegistryException("subject " + subject + " has no version " + version,
                    RegistryException.VERSION_NOT_FOUND);
        }
        int id = ids.get(version - 1);
        return new RegisteredSchema(subject, id, version, byId(id));
    }

    @Override
    public synchronized List<Integer> versions(String subject) {
        List<Integer> versions = new ArrayList<>();
        for (int v = 1; v <= ids(subject).size(); v++) {
            versions.add(v);
        }
        return versions;
    }

    @Override
    public synchronized List<String> subjects() {
        return List.copyOf(idsBySubject.keySet());
    }

    @Override
    public synchronized List<String> incompatibilities(String subject, Schema schema) {
        List<Schema> earlier = idsBySubject.getOrDefault(subject, List.of()).stream().map(this::byId)
                .toList();
        return compatibilityLevel(subject).objections(schema, earlier);
    }

    @Override
    public synchronized CompatibilityLevel compatibilityLevel(String subject) {
        return levels.getOrDefault(subject, CompatibilityLevel.BACKWARD);
    }

    @Override
    public synchronized void setCompatibilityLevel(String subject, CompatibilityLevel level) {
        levels.put(subject, level);
    }

    private List<Integer> ids(String subject) {
        List<Integer> ids = idsBySubject.get(subject);
        if (ids == null) {
            throw new RegistryException("there is no subject " + subject,
                    RegistryException.SUBJECT_NOT_FOUND);
        }
        return ids;
    }

    /** Keeps everything: others may hold the same scope. */
    @Override
    public void close() {}
}
