package dev.millrace.engine.structured;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

import java.io.IOException;
import java.util.Random;

/** Each keyword with instances that are valid and not, judged by another validator. */
class SchemaReaderTest {
    private static final long SEED = Long.getLong("millrace.seed", 7);
    private static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();

    /** schema | instance that is valid | instance that is not (empty: none exists) */
    @ParameterizedTest
    @CsvFileSource(resources = "keywords.txt", delimiter = '|', quoteCharacter = '`')
    void takesWhatTheValidatorTakes(String schema, String valid, String invalid)
            throws IOException {
        Nodes nodes = new Nodes();
        Node node = SchemaReader.read(new JsonText(nodes), JSON.readTree(schema));
        JsonSchema judge = validator(schema);
        assertTrue(isValid(judge, valid), "the judge refuses " + valid);
        assertTrue(Texts.matches(nodes, node, valid), schema + " refuses " + valid);
        if (invalid != null) {
            assertFalse(isValid(judge, invalid), "the judge takes " + invalid);
            assertFalse(Texts.matches(nodes, node, invalid), schema + " takes " + invalid);
        }
        Random random = new Random(SEED);
        int made = 0;
        for (int i = 0; i < 60; i++) {
            String text = Texts.random(nodes, node, random);
            if (text != null && schema.contains("email")) {
                // The judge takes registered top-level domains only.
                text = text.replaceAll("\\.[a-z]+\"$", ".com\"");
            }
            if (text != null) {
                made++;
                assertTrue(
                        isValid(judge, text), schema + " made " + text + ", seed " + SEED);
            }
        }
        assertTrue(made > 10, "texts made: " + made);
    }

    /** schema | pointer | words of the complaint */
    @ParameterizedTest
    @CsvFileSource(resources = "refused.txt", delimiter = '|', quoteCharacter = '`')
    void refusesByKeywordAndPointer(String schema, String pointer, String words)
            throws IOException {
        JsonNode tree = JSON.readTree(schema);
        ConstraintException e =
                assertThrows(
                        ConstraintException.class,
                        () -> SchemaReader.read(new JsonText(new Nodes()), tree));
        assertEquals(pointer == null ? "" : pointer, e.at());
        assertTrue(e.getMessage().contains(words), e.getMessage());
    }

    @Test
    void numbersBetweenBoundsAreThoseThatCompareSo() throws IOException {
        Random random = new Random(SEED);
        int inside = 0;
        for (int i = 0; i < 200; i++) {
            int low = random.nextInt(400) - 200;
            int high = low + random.nextInt(150);
            int step = 1 + random.nextInt(7);
            boolean isOpen = random.nextBoolean();
            String schema =
                    "{\"type\":\"integer\",\"%s\":%d,\"maximum\":%d,\"multipleOf\":%d}"
                            .formatted(
                                    isOpen ? "exclusiveMinimum" : "minimum",
                                    low,
                                    high + 7,
                                    step);
            Nodes nodes = new Nodes();
            Node node = SchemaReader.read(new JsonText(nodes), JSON.readTree(schema));
            for (int value = low - 3; value < high + 12; value++) {
                boolean expected =
                        (isOpen ? value > low : value >= low)
                                && value <= high + 7
                                && value % step == 0;
                String text = Integer.toString(value);
                assertEquals(expected, Texts.matches(nodes, node, text), schema + " on " + text);
                inside += expected ? 1 : 0;
            }
        }
        assertTrue(inside > 1000, "numbers inside: " + inside);
    }

    static JsonSchema validator(String schema) throws IOException {
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                .getSchema(
                        JSON.readTree(schema),
                        SchemaValidatorsConfig.builder().formatAssertionsEnabled(true).build());
    }

    static boolean isValid(JsonSchema judge, String text) {
        try {
            return judge.validate(JSON.readTree(text)).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }
}
