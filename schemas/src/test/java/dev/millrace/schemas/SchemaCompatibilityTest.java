package dev.millrace.schemas;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.schemas.registry.CompatibilityLevel;
import dev.millrace.schemas.registry.SchemaText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A contract may change only so that its new version reads everything any earlier version wrote
 * (BACKWARD_TRANSITIVE). Published versions lie in {@code src/main/avro-history/NAME/vN.avsc}, each complete
 * with the types it uses.
 *
 * <p>With {@code -Dschemas.publish=true} a changed contract that passes is written there as its next version.
 */
class SchemaCompatibilityTest {
    private static final CompatibilityLevel LEVEL = CompatibilityLevel.BACKWARD_TRANSITIVE;
    private static final ObjectMapper JSON = new ObjectMapper();

    static Stream<Schema> contracts() throws IOException {
        return Contracts.ofTopics().stream();
    }

    @ParameterizedTest
    @MethodSource("contracts")
    void readsWhatEveryEarlierVersionWrote(Schema current) throws IOException {
        List<Schema> history = Contracts.history(current.getName());
        List<String> objections = LEVEL.objections(current, history);
        assertTrue(objections.isEmpty(), () -> current.getName()
                + ".avsc breaks readers of its own history:\n" + String.join("\n", objections)
                + "\nGive new fields a default; never change a type or remove an enum symbol; "
                + "make a new record for a new meaning.");
    }

    @ParameterizedTest
    @MethodSource("contracts")
    void theCurrentVersionIsPublished(Schema current) throws IOException {
        String name = current.getName();
        List<Schema> history = Contracts.history(name);
        Path next = Contracts.version(name, history.size() + 1);
        boolean changed = history.isEmpty() || !history.getLast().toString().equals(current.toString());
        if (changed && Boolean.getBoolean("schemas.publish") && LEVEL.objections(current, history)
                .isEmpty()) {
            Files.createDirectories(next.getParent());
            Files.writeString(next, current.toString(true) + "\n");
            changed = false;
        }
        assertFalse(changed, () -> name + ".avsc differs from its newest published version, v"
                + history.size() + ". Publish the change as " + next
                + ": ./mvnw -pl schemas test -Dtest=SchemaCompatibilityTest -Dschemas.publish=true");
    }

    @Test
    void nothingWithAHistoryHasVanished() throws IOException {
        assertEquals(Contracts.ofTopics().stream().map(Schema::getName).sorted().toList(),
                Contracts.historyNames());
    }

    @Test
    void publishedVersionsFitEachOther() throws IOException {
        for (String name : Contracts.historyNames()) {
            List<Schema> history = Contracts.history(name);
            for (int v = 1; v < history.size(); v++) {
                assertEquals(List.of(), LEVEL.objections(history.get(v), history.subList(0, v)),
                        name + " v" + (v + 1));
            }
        }
    }

    /** Positive controls: the changes that must not happen are found in the real contracts. */
    @Test
    void badChangesAreFound() throws IOException {
        assertTrue(objectionsTo(f -> f.addObject().put("name", "added").put("type", "string"))
                .contains("READER_FIELD_MISSING_DEFAULT_VALUE"));
        assertTrue(objectionsTo(f -> ((ObjectNode) f.get(0)).put("type", "int")).contains("TYPE_MISMATCH"));
        assertTrue(objectionsTo(f -> ((ArrayNode) field(f, "status").get("type").get("symbols")).remove(0))
                .contains("MISSING_ENUM_SYMBOLS"));
        assertEquals("",
                objectionsTo(f -> f.addObject().put("name", "added").put("type", "string")
                .put("default", "")), "a good change passes");
        assertEquals("", objectionsTo(f -> f.remove(f.size() - 1)), "a field may go: readers skip it");
    }

    private static JsonNode field(ArrayNode fields, String name) {
        for (JsonNode field : fields) {
            if (field.path("name").asText().equals(name)) {
                return field;
            }
        }
        throw new IllegalArgumentException("no field " + name);
    }

    private static String objectionsTo(Consumer<ArrayNode> change) throws IOException {
        Schema published = Completion.getClassSchema();
        ObjectNode changed = (ObjectNode) JSON.readTree(published.toString());
        change.accept((ArrayNode) changed.get("fields"));
        return String.join("\n",
                LEVEL.objections(SchemaText.parseKnown(changed.toString()), List.of(published)));
    }
}
