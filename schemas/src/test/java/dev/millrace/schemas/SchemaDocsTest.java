package dev.millrace.schemas;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.schemas.registry.SchemaText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

/**
 * The contracts are the specification of who sets what, so each type and field says it; and names its topic.
 */
class SchemaDocsTest {
    @Test
    void everyTypeAndFieldHasADoc() throws IOException {
        List<String> missing = new ArrayList<>();
        for (Schema schema : Contracts.all()) {
            collect(schema, new HashSet<>(), missing);
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void aMissingDocIsFound() {
        Schema bare = SchemaText.parseNew("""
                {"type":"record","name":"A","doc":"x","fields":[
                 {"name":"f","type":["null",{"type":"enum","name":"E","symbols":["S"]}]}]}""");
        List<String> missing = new ArrayList<>();
        collect(bare, new HashSet<>(), missing);
        assertEquals(List.of("field A.f", "type E"), missing);
    }

    private static void collect(Schema schema, Set<String> seen, List<String> missing) {
        switch (schema.getType()) {
            case RECORD, ENUM, FIXED -> {
                if (!seen.add(schema.getFullName())) {
                    return;
                }
                int at = missing.size();
                if (schema.getType() == Schema.Type.RECORD) {
                    for (Schema.Field field : schema.getFields()) {
                        if (isBlank(field.doc())) {
                            missing.add("field " + schema.getName() + "." + field.name());
                        }
                        collect(field.schema(), seen, missing);
                    }
                }
                if (isBlank(schema.getDoc())) {
                    missing.add(schema.getType() == Schema.Type.RECORD ? at : missing.size(),
                            "type " + schema.getName());
                }
            }
            case ARRAY -> collect(schema.getElementType(), seen, missing);
            case MAP -> collect(schema.getValueType(), seen, missing);
            case UNION -> schema.getTypes().forEach(t -> collect(t, seen, missing));
            default -> { }
        }
    }

    private static boolean isBlank(String doc) {
        return doc == null || doc.isBlank();
    }

    @Test
    void everyTopicHasOneContractAndEveryContractATopic() throws IOException {
        List<String> topics = Topics.all("pool", 4).stream()
                .map(t -> t.name().replace(".pool", ".<pool>")).sorted().toList();
        List<String> documented = new ArrayList<>();
        for (Schema schema : Contracts.ofTopics()) {
            String sentence = schema.getDoc().substring(schema.getDoc().indexOf("Topic"));
            List<String> named = Stream.of(sentence.split("[^a-z.<>-]+")).filter(topics::contains).toList();
            assertFalse(named.isEmpty(), schema.getName() + " names no topic that exists: " + sentence);
            documented.addAll(named);
        }
        assertEquals(topics, documented.stream().sorted().toList());
    }

    @Test
    void aPoolNameThatIsNoTopicNameIsRefused() {
        assertEquals("ready.a-1", Topics.ready("a-1"));
        for (String bad : List.of("", "a b", "ü", "a/b", "x".repeat(201))) {
            assertThrows(IllegalArgumentException.class, () -> Topics.ready(bad), bad);
        }
    }
}
