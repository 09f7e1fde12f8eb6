package dev.millrace.engine.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The language, one operation at a time, against the reference: results, and the words of every
 * error.
 */
class JinjaGoldenTest {
    private static final Path GOLDEN = Path.of("src/test/resources/goldens/jinja/language.json");

    @Test
    @SuppressWarnings("unchecked") // JSON of the golden file: a list of objects, an object
    void agreesWithTheReference() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode golden = mapper.readTree(GOLDEN.toFile());
        Clock clock = Clock.fixed(Instant.parse(golden.path("now").textValue()), ZoneOffset.UTC);
        List<Map<String, Object>> messages =
                mapper.convertValue(golden.path("messages"), List.class);
        Map<String, Object> variables = mapper.convertValue(golden.path("variables"), Map.class);
        Map<String, String> special = Map.of("bos_token", golden.path("bos_token").textValue());
        assertTrue(golden.path("cases").size() > 1_000, "the golden file has cases");
        List<String> differences = new ArrayList<>();
        for (JsonNode c : golden.path("cases")) {
            String source = c.path("template").textValue();
            String expected =
                    c.has("error")
                            ? "error: " + c.path("error").textValue()
                            : c.path("rendered").textValue();
            String actual;
            try {
                actual =
                        ChatTemplate.of("golden", source, special, clock)
                                .render(messages, null, true, variables);
            } catch (TemplateException e) {
                assertNull(e.getCause(), "a defect, not a refusal: " + source);
                actual = "error: " + e.reason();
            }
            if (!expected.equals(actual)) {
                differences.add(source + "\n  expected " + expected + "\n  actual   " + actual);
            }
        }
        assertEquals(List.of(), differences, differences.size() + " differences");
    }
}
