package dev.millrace.schemas.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;

/** Avro schemas to and from JSON text. */
public final class SchemaText {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String JAVA_STRING = "avro.java.string";

    private SchemaText() {}

    /**
     * Parses a schema that someone wants to add: names and defaults are checked. {@link
     * org.apache.avro.AvroRuntimeException} if bad.
     */
    public static Schema parseNew(String text) {
        return new Schema.Parser().parse(text);
    }

    /**
     * Parses a schema that a registry already has: it must be readable even if an older Avro was laxer about
     * names or defaults.
     */
    public static Schema parseKnown(String text) {
        return new Schema.Parser(NameValidator.NO_VALIDATION).setValidateDefaults(false).parse(text);
    }

    /**
     * The same schema without Java's own {@code avro.java.string} notes, which generated classes carry: what
     * is registered should not depend on the language that wrote it. Bytes on the wire are the same.
     */
    public static Schema withoutJavaProperties(Schema schema) {
        String text = schema.toString();
        if (!text.contains(JAVA_STRING)) {
            return schema;
        }
        try {
            JsonNode tree = JSON.readTree(text);
            strip(tree);
            return parseKnown(JSON.writeValueAsString(tree));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("Avro wrote a schema that is no JSON: " + schema.getFullName(),
                    e);
        }
    }

    private static void strip(JsonNode node) {
        if (node instanceof ObjectNode object) {
            // A field's default may hold a key of this name; only a string schema carries the note.
            if ("string".equals(object.path("type").asText())) {
                object.remove(JAVA_STRING);
            }
            if ("map".equals(object.path("type").asText())) {
                object.remove(JAVA_STRING);
            }
        }
        for (JsonNode child : node) {
            strip(child);
        }
    }
}
