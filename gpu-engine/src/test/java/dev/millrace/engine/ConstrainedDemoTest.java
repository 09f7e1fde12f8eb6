package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;

import dev.millrace.engine.api.Engine;
import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineResult;
import dev.millrace.engine.api.FinishReason;
import dev.millrace.engine.api.LoadedModel;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.RequestRejectedException;
import dev.millrace.engine.api.SamplingParams;
import dev.millrace.engine.api.TextConstraint;
import dev.millrace.engine.api.WeightFormat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The demonstration model under constraints that its training knows nothing of, at a temperature at
 * which it errs: every finished answer has the form asked for. Without the constraints most have
 * not.
 */
class ConstrainedDemoTest {
    private static final Path DEMO = Path.of("../ops/demo/millrace-demo");
    private static final int JOBS = 120;
    private static final int FEW = 12;
    private static final int MAX_TOKENS = 160;
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    private static final String SCHEMA =
            """
            {"type":"object","properties":{
              "summary":{"type":"string","maxLength":20},
              "kind":{"enum":["question","complaint","order"]},
              "score":{"type":"integer","minimum":-5,"maximum":5},
              "day":{"type":"string","format":"date"},
              "tags":{"type":"array","items":{"type":"string","maxLength":6},"maxItems":3},
              "reply":{"anyOf":[{"type":"boolean"},{"type":"null"}]}},
             "required":["summary","kind","score","day","tags","reply"],
             "additionalProperties":false}
            """;
    private static final String REGEX = "[A-Z][a-z]{2,8} (\\d{2}:){2}\\d{2}( ok| late)?\\.";
    private static final List<TextConstraint> FORMS =
            List.of(
                    new TextConstraint(TextConstraint.Kind.JSON_SCHEMA, SCHEMA, "schema"),
                    new TextConstraint(TextConstraint.Kind.REGEX, REGEX, "regex"),
                    new TextConstraint(
                            TextConstraint.Kind.CHOICE, "[\"red\",\"red wine\",\"é水\"]", "choice"),
                    new TextConstraint(TextConstraint.Kind.JSON_OBJECT, "", "json"));

    @Test
    void everyFinishedAnswerHasItsForm() throws IOException {
        LoadedModel model = EngineFactory.open(DEMO, "demo", EngineConfig.defaults("cpu"));
        try (var engine = model.engine()) {
            List<Boolean> free = run(model, FEW, false, -1);
            assertTrue(count(free) < FEW / 2, "answers in form by chance: " + count(free));
            long before = engine.stats().generationTokens();
            assertEquals(0, engine.stats().forcedTokens());
            assertEquals(JOBS, count(run(model, JOBS, true, -1)));
            long generated = engine.stats().generationTokens() - before;
            assertTrue(
                    engine.stats().forcedTokens() * 10 > generated,
                    engine.stats().forcedTokens() + " forced of " + generated);
            long forced = engine.stats().forcedTokens();
            assertEquals(FEW, count(run(model, FEW, true, 2)));
            assertEquals(forced, engine.stats().forcedTokens(), "with logprobs all are computed");
            assertEquals(0, engine.stats().kvBlocksUsed());
        }
    }

    @Test
    void anAnswerThatAnotherEngineBeganEndsTheSame() throws IOException {
        EngineConfig config =
                EngineConfig.defaults("cpu")
                        .withNumerics(new Numerics(WeightFormat.BF16, true));
        LoadedModel model = EngineFactory.open(DEMO, "demo", config);
        int[] prompt = model.prompts().chat(messages(prompts(1).getFirst()), null, Map.of()).tokenIds();
        try (var engine = model.engine()) {
            for (int form = 0; form < FORMS.size(); form++) {
                EngineRequest request = request(form, prompt, FORMS.get(form), -1);
                engine.submit(request);
                int[] whole = answer(engine);
                for (int taken : new int[] {1, whole.length / 2, whole.length - 1}) {
                    engine.resume(request, List.of(Arrays.copyOf(whole, taken)));
                    assertArrayEquals(whole, answer(engine), "form " + form + " after " + taken);
                }
            }
        }
    }

    private static int[] answer(Engine engine) {
        List<EngineResult> results = new ArrayList<>();
        while (engine.hasWork()) {
            results.addAll(engine.step());
        }
        assertEquals(1, results.size());
        return results.getFirst().choices().getFirst().tokenIds();
    }

    @Test
    void whatCannotBeMetIsRefusedByFieldAndPlace() {
        LoadedModel model = EngineFactory.open(DEMO, "demo", EngineConfig.defaults("scalar"));
        try (var engine = model.engine()) {
            TextConstraint wrong =
                    new TextConstraint(
                            TextConstraint.Kind.JSON_SCHEMA, "{\"oneOf\":[]}", "response_format");
            RequestRejectedException e =
                    assertThrows(
                            RequestRejectedException.class,
                            () -> engine.submit(request(1, new int[] {1}, wrong, -1)));
            assertEquals("response_format", e.param());
            assertEquals(
                    "response_format at /oneOf is a keyword that is not supported",
                    e.getMessage());
            assertTrue(!engine.hasWork());
        }
    }

    /**
     * For each job whether its answer has its form. Three of the forms have a longest text, for which
     * there is room; of a JSON object that was cut off, all that is missing is its end.
     */
    private static List<Boolean> run(
            LoadedModel model, int jobs, boolean isConstrained, int logprobs)
            throws IOException {
        List<String> prompts = prompts(jobs);
        for (int i = 0; i < jobs; i++) {
            int[] tokens = model.prompts().chat(messages(prompts.get(i)), null, Map.of()).tokenIds();
            TextConstraint form = isConstrained ? FORMS.get(i % FORMS.size()) : null;
            model.engine().submit(request(i, tokens, form, logprobs));
        }
        Map<Long, Boolean> good = new TreeMap<>();
        int cut = 0;
        while (model.engine().hasWork()) {
            for (EngineResult result : model.engine().step()) {
                EngineResult.Choice choice = result.choices().getFirst();
                boolean isCut = choice.finishReason() == FinishReason.LENGTH;
                cut += isCut ? 1 : 0;
                int form = (int) (result.requestId() % FORMS.size());
                good.put(
                        result.requestId(),
                        isCut && isConstrained
                                ? form == 3 && isBegun(choice.text())
                                : hasForm(form, choice.text()));
            }
        }
        assertTrue(cut < jobs / 3, "answers cut off: " + cut);
        return List.copyOf(good.values());
    }

    private static List<String> prompts(int count) throws IOException {
        try (Stream<String> lines = Files.lines(DEMO.resolve("prompts.jsonl"))) {
            return lines.limit(count).toList();
        }
    }

    private static List<Map<String, Object>> messages(String line) throws IOException {
        return JSON.convertValue(
                JSON.readTree(line).at("/body/messages"), new TypeReference<>() {});
    }

    private static EngineRequest request(
            long id, int[] tokens, TextConstraint form, int logprobs) {
        SamplingParams sampling =
                new SamplingParams(
                        MAX_TOKENS, 1.0, 1, 0, 0, 1, 0, 0, Map.of(), logprobs, List.of(),
                        List.of(), 1, id, false, true);
        return new EngineRequest(id, tokens, sampling, 0, form);
    }

    private static boolean hasForm(int form, String text) throws IOException {
        if (form == 1) {
            return Pattern.matches(REGEX, text);
        }
        if (form == 2) {
            return List.of("red", "red wine", "é水").contains(text);
        }
        try {
            JsonNode value = JSON.readTree(text);
            return form == 3 ? value.isObject() : validator().validate(value).isEmpty();
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean isBegun(String object) throws IOException {
        try {
            JSON.readTree(object);
            return false;
        } catch (JsonEOFException e) {
            return true;
        }
    }

    private static JsonSchema validator() throws IOException {
        return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
                .getSchema(JSON.readTree(SCHEMA));
    }

    private static long count(List<Boolean> answers) {
        return answers.stream().filter(good -> good).count();
    }
}
