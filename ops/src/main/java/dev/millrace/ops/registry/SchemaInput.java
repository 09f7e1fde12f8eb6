package dev.millrace.ops.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.millrace.schemas.registry.SchemaText;
import java.util.Set;
import org.apache.avro.Schema;

/**
 * A schema as a client sent it.
 *
 * @param text   in Avro's own rendering: white space and the order of members do not matter, docs, defaults
 *     and properties do
 * @param schema parsed
 */
record SchemaInput(String text, Schema schema) {
    private static final Set<String> MEMBERS = Set.of("schema", "schemaType");
    private static final ObjectMapper SORTED = JsonMapper.builder()
            .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
            .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY).build();

    /** Reads {"schema": "...", "schemaType": "AVRO"}. */
    static SchemaInput of(RegistryRequest request) {
        JsonNode body = request.object(MEMBERS);
        String type = body.path("schemaType").asText("AVRO");
        if (!body.path("schemaType").isNull() && !type.equals("AVRO")) {
            throw ApiException.invalidSchema("schema type " + type + " is not supported, only AVRO");
        }
        String text = body.path("schema").asText("");
        if (!body.path("schema").isTextual() || text.isBlank()) {
            throw ApiException.invalidSchema("empty schema");
        }
        try {
            Schema schema = SchemaText.parseNew(text);
            return request.flag("normalize") ? normalized(schema.toString())
                    : new SchemaInput(schema.toString(), schema);
        } catch (ApiException e) {
            throw e;
        } catch (RuntimeException e) {
            // Avro 1.12 reports an undefined type name as an IllegalStateException or worse.
            throw ApiException.invalidSchema(e.getMessage());
        }
    }

    /** The same schema with its properties in order of their names. */
    static SchemaInput normalized(String text) {
        try {
            Object tree = SORTED.readValue(text, Object.class);
            Schema schema = SchemaText.parseKnown(SORTED.writeValueAsString(tree));
            return new SchemaInput(schema.toString(), schema);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("Avro wrote a schema that is no JSON", e);
        }
    }
}
