package dev.millrace.engine.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Every rendering of the reference, to the last space; and where it refuses, its reason. */
class ChatTemplateGoldenTest {
    private static final Path GOLDENS = Path.of("src/test/resources/goldens/chat-templates");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "chatml",
                "headers",
                "instructions",
                "thinking",
                "turns",
                "lines",
                "language"
            })
    void agreesWithTheReference(String name) throws IOException {
        JsonNode golden = MAPPER.readTree(GOLDENS.resolve(name + ".json").toFile());
        Map<String, String> special =
                Map.of(
                        "bos_token",
                        golden.path("bos_token").textValue(),
                        "eos_token",
                        golden.path("eos_token").textValue());
        ChatTemplate template =
                ChatTemplate.of(
                        name, golden.path("template").textValue(), special, Clock.systemUTC());
        assertTrue(golden.path("cases").size() >= 34, "the golden file has cases");
        for (JsonNode c : golden.path("cases")) {
            String label =
                    name
                            + ": "
                            + c.path("label").textValue()
                            + ", generation "
                            + c.path("add_generation_prompt");
            if (c.has("rendered")) {
                assertEquals(c.path("rendered").textValue(), render(template, c), label);
            } else {
                TemplateException refused =
                        assertThrows(TemplateException.class, () -> render(template, c), label);
                String expected = c.path("error").textValue();
                assertEquals(
                        expected.substring(expected.indexOf(": ") + 2), refused.reason(), label);
                assertTrue(
                        refused.line() >= 1 && refused.getMessage().startsWith(name + ", line "),
                        refused.getMessage());
            }
        }
    }

    @SuppressWarnings("unchecked") // JSON of the golden file: a list of objects, an object
    private static String render(ChatTemplate template, JsonNode c) {
        Map<String, Object> variables =
                new LinkedHashMap<>(MAPPER.convertValue(c.path("variables"), Map.class));
        List<Object> tools = (List<Object>) variables.remove("tools");
        return template.render(
                MAPPER.convertValue(c.path("messages"), List.class),
                tools,
                c.path("add_generation_prompt").booleanValue(),
                variables);
    }
}
