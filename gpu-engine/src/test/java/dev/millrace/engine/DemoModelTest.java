package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.Speculation;
import dev.millrace.engine.model.ModelLoadException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The demonstration model, from folder to text, against the answers of the reference
 * implementation.
 */
class DemoModelTest {
    private static final Path DEMO = Path.of("../ops/demo/millrace-demo");
    private static final int PROMPTS_PER_TASK = 10;
    private static final ObjectMapper JSON = new ObjectMapper();

    @Test
    void answersAsTheReferenceDoes() throws IOException {
        EngineConfig config = EngineConfig.defaults("cpu").withSpeculation(Speculation.OFF);
        LoadedModel model = EngineFactory.open(DEMO, "demo", config);
        try (var engine = model.engine()) {
            Map<Long, String> expected = submitSome(model);
            assertEquals(6 * PROMPTS_PER_TASK, expected.size());
            assertEquals(expected, answers(engine));
            // Ten prompts share each system prompt of at least 150 tokens: nine find it cached.
            assertTrue(
                    engine.stats().cachedTokens() > 54 * 140,
                    "cached tokens: " + engine.stats().cachedTokens());
            assertEquals(0, engine.stats().kvBlocksUsed());
        }
    }

    @Test
    void guessingAheadAnswersAsTheReferenceDoes() throws IOException {
        Speculation always = new Speculation(Speculation.Mode.ALWAYS, 8);
        EngineConfig config = EngineConfig.defaults("cpu").withSpeculation(always);
        LoadedModel model = EngineFactory.open(DEMO, "demo", config);
        try (var engine = model.engine()) {
            Map<Long, String> expected = submitSome(model);
            assertEquals(expected, answers(engine));
            // The tasks copy from their prompts.
            DraftCounts drafts = engine.stats().drafts();
            assertTrue(drafts.acceptedTokens() > 100, "right guesses: " + drafts);
            assertEquals(0, engine.stats().kvBlocksUsed());
        }
    }

    private static Map<Long, String> answers(Engine engine) {
        Map<Long, String> answers = new TreeMap<>();
        while (engine.hasWork()) {
            for (EngineResult result : engine.step()) {
                answers.put(result.requestId(), result.choices().getFirst().text());
            }
        }
        return answers;
    }

    @Test
    void anUnknownDeviceIsRefusedWithTheKnownOnes() {
        EngineConfig config = EngineConfig.defaults("abacus");
        IllegalArgumentException e =
                assertThrows(
                        IllegalArgumentException.class,
                        () -> EngineFactory.open(DEMO, "demo", config));
        assertEquals(
                "there is no device abacus; choose one of cpu, scalar, cuda, cuda-emulated, auto",
                e.getMessage());
    }

    @Test
    void whatIsNoFolderIsRefusedByName() {
        Path missing = Path.of("no", "such", "folder");
        ModelLoadException e =
                assertThrows(
                        ModelLoadException.class,
                        () -> EngineFactory.open(missing, "demo", EngineConfig.defaults("scalar")));
        assertTrue(e.getMessage().contains(missing.toString()), e.getMessage());
    }

    @Test
    void aGivenChatTemplateTakesThePlaceOfTheFoldersOwn(@TempDir Path folder) throws IOException {
        Path template =
                Files.writeString(
                        folder.resolve("shout.jinja"), "{{ messages[0]['content'] | upper }}");
        LoadedModel model =
                EngineFactory.open(DEMO, "demo", EngineConfig.defaults("scalar"), template);
        try (var engine = model.engine()) {
            List<Map<String, Object>> messages =
                    List.of(Map.of("role", "user", "content", "hello"));
            assertEquals("HELLO", model.prompts().chat(messages, null, Map.of()).text());
            assertEquals(0, engine.stats().steps());
        }
    }

    /** Submits the first prompts of each task; request id to the reference's answer. */
    private static Map<Long, String> submitSome(LoadedModel model) throws IOException {
        List<String> answers = lines("answers.jsonl");
        Map<String, Integer> perTask = new HashMap<>();
        Map<Long, String> expected = new TreeMap<>();
        long line = 0;
        for (String prompt : lines("prompts.jsonl")) {
            JsonNode answer = JSON.readTree(answers.get((int) line));
            JsonNode request = JSON.readTree(prompt);
            assertEquals(request.get("custom_id"), answer.get("custom_id"));
            JsonNode body = request.get("body");
            if (perTask.merge(body.get("metadata").get("task").asText(), 1, Integer::sum)
                    <= PROMPTS_PER_TASK) {
                List<Map<String, Object>> messages =
                        JSON.convertValue(body.get("messages"), new TypeReference<>() {});
                int[] tokens = model.prompts().chat(messages, null, Map.of()).tokenIds();
                model.engine()
                        .submit(
                                new EngineRequest(
                                        line,
                                        tokens,
                                        SamplingParams.greedy(body.get("max_tokens").asInt()),
                                        0));
                expected.put(line, answer.get("answer").asText());
            }
            line++;
        }
        return expected;
    }

    private static List<String> lines(String file) throws IOException {
        try (Stream<String> lines = Files.lines(DEMO.resolve(file))) {
            return lines.toList();
        }
    }
}
