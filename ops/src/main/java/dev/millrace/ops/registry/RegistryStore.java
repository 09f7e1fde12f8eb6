package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.schemas.registry.CompatibilityLevel;
import dev.millrace.schemas.registry.SchemaText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.apache.avro.Schema;

/**
 * What the registry knows. State changes only in {@link #apply}, by changes that {@link RegistryLog} has
 * written down before, so that a restart arrives at the same state. The same schema text has the same id
 * under every subject; an id is never given twice. Thread-safe.
 */
final class RegistryStore implements AutoCloseable {
    /** Key of the settings that hold for all subjects. */
    static final String ALL_SUBJECTS = "";

    private final CompatibilityLevel defaultLevel;
    private final Map<Integer, String> textById = new TreeMap<>();
    private final Map<String, Integer> idByText = new HashMap<>();
    private final Map<Integer, Schema> parsedById = new HashMap<>();
    private final NavigableMap<String, NavigableMap<Integer, SubjectVersion>> subjects = new TreeMap<>();
    private final Map<String, CompatibilityLevel> levels = new HashMap<>();
    private final Map<String, RegistryMode> modes = new HashMap<>();
    private final RegistryLog log;
    private int lastId;

    /** One version of a subject; a soft-deleted one is hidden, keeps its number and its schema. */
    record SubjectVersion(String subject, int version, int id, boolean deleted) {}

    RegistryStore(Path file, CompatibilityLevel defaultLevel) {
        this.defaultLevel = defaultLevel;
        this.log = new RegistryLog(file, this::apply);
    }

    /**
     * The id of a canonical schema text under a subject: that of the version which has it, or of a new one.
     */
    synchronized int register(String subject, String text, Schema schema) {
        Integer known = idByText.get(text);
        List<SubjectVersion> live = versions(subject, false);
        if (known != null && live.stream().anyMatch(v -> v.id() == known)) {
            return known;
        }
        if (mode(subject) == RegistryMode.READONLY) {
            throw ApiException.readOnly(subject);
        }
        List<String> objections = objections(subject, schema, live);
        if (!objections.isEmpty()) {
            throw ApiException.incompatible(subject, objections);
        }
        int id = known != null ? known : lastId + 1;
        NavigableMap<Integer, SubjectVersion> all = subjects.get(subject);
        change(JsonNodeFactory.instance.objectNode().put("change", "register").put("subject", subject)
                .put("schemaVersion", all == null ? 1 : all.lastKey() + 1).put("id", id).put("schema", text));
        return id;
    }

    /** What speaks against a schema as the successor of these versions, under the subject's level. */
    synchronized List<String> objections(String subject, Schema schema, List<SubjectVersion> versions) {
        List<Schema> earlier = versions.stream().map(v -> schema(v.id())).toList();
        return level(subject).objections(schema, earlier);
    }

    /** Versions of a subject, ascending; soft-deleted ones on request; empty if there is no such subject. */
    synchronized List<SubjectVersion> versions(String subject, boolean withDeleted) {
        NavigableMap<Integer, SubjectVersion> all = subjects.get(subject);
        return all == null ? List.of() : all.values().stream().filter(v -> withDeleted || !v.deleted())
                .toList();
    }

    /** Every version of every subject, in order of subject and version. */
    synchronized List<SubjectVersion> allVersions(boolean withDeleted) {
        List<SubjectVersion> all = new ArrayList<>();
        subjects.keySet().forEach(s -> all.addAll(versions(s, withDeleted)));
        return all;
    }

    /** The canonical text of an id; null if there is none. */
    synchronized String text(int id) {
        return textById.get(id);
    }

    /** The largest id given so far; 0 for none. */
    synchronized int lastId() {
        return lastId;
    }

    private Schema schema(int id) {
        return parsedById.computeIfAbsent(id, i -> SchemaText.parseKnown(textById.get(i)));
    }

    /** Hides these versions, or removes those already hidden. */
    synchronized void delete(List<SubjectVersion> versions, boolean permanent) {
        for (SubjectVersion v : versions) {
            if (mode(v.subject()) == RegistryMode.READONLY) {
                throw ApiException.readOnly(v.subject());
            }
        }
        for (SubjectVersion v : versions) {
            change(JsonNodeFactory.instance.objectNode().put("change", permanent ? "remove" : "hide")
                    .put("subject", v.subject()).put("schemaVersion", v.version()));
        }
    }

    /** The level that holds for a subject. */
    synchronized CompatibilityLevel level(String subject) {
        CompatibilityLevel own = levels.get(subject);
        return own != null ? own : levels.getOrDefault(ALL_SUBJECTS, defaultLevel);
    }

    /** A subject's own level; null if it has none. */
    synchronized CompatibilityLevel ownLevel(String subject) {
        return levels.get(subject);
    }

    /** Sets a subject's level, or takes it back with null. */
    synchronized void setLevel(String subject, CompatibilityLevel level) {
        change(JsonNodeFactory.instance.objectNode().put("change", "level").put("subject", subject)
                .put("value", level == null ? null : level.name()));
    }

    /** The mode that holds for a subject. */
    synchronized RegistryMode mode(String subject) {
        RegistryMode own = modes.get(subject);
        return own != null ? own : modes.getOrDefault(ALL_SUBJECTS, RegistryMode.READWRITE);
    }

    /** A subject's own mode; null if it has none. */
    synchronized RegistryMode ownMode(String subject) {
        return modes.get(subject);
    }

    /** Sets a subject's mode, or takes it back with null. */
    synchronized void setMode(String subject, RegistryMode mode) {
        change(JsonNodeFactory.instance.objectNode().put("change", "mode").put("subject", subject)
                .put("value", mode == null ? null : mode.name()));
    }

    private void change(ObjectNode change) {
        log.append(change);
        apply(change);
    }

    private void apply(JsonNode change) {
        String subject = change.get("subject").asText();
        String value = change.path("value").asText(null);
        switch (change.get("change").asText()) {
            case "register" -> applyRegister(subject, change.get("schemaVersion").asInt(),
                    change.get("id").asInt(), change.get("schema").asText());
            case "hide" -> subjects.get(subject).computeIfPresent(change.get("schemaVersion").asInt(),
                    (n, v) -> new SubjectVersion(subject, n, v.id(), true));
            case "remove" -> applyRemove(subject, change.get("schemaVersion").asInt());
            case "level" ->
                    levels.compute(subject, (s, old) -> value == null ? null : CompatibilityLevel.of(value));
            case "mode" ->
                    modes.compute(subject, (s, old) -> value == null ? null : RegistryMode.valueOf(value));
            default -> throw new IllegalArgumentException("unknown change " + change.get("change"));
        }
    }

    private void applyRegister(String subject, int version, int id, String text) {
        textById.put(id, text);
        idByText.put(text, id);
        lastId = Math.max(lastId, id);
        subjects.computeIfAbsent(subject, s -> new TreeMap<>())
                .put(version, new SubjectVersion(subject, version, id, false));
    }

    private void applyRemove(String subject, int version) {
        NavigableMap<Integer, SubjectVersion> all = subjects.get(subject);
        int id = all.remove(version).id();
        if (all.isEmpty()) {
            subjects.remove(subject);
        }
        boolean used = allVersions(true).stream().anyMatch(v -> v.id() == id);
        if (!used) {
            idByText.remove(textById.remove(id));
            parsedById.remove(id);
        }
    }

    @Override
    public synchronized void close() {
        log.close();
    }
}
