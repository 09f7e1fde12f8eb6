package dev.millrace.ops.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.ops.Millrace;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import picocli.CommandLine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

class BenchCommandTest {
    /** A tiny model that all tests share, as {@code --write-model} makes it. */
    @TempDir static Path model;

    @TempDir Path dir;

    private record Ended(int code, String output, String errors) {}

    @BeforeAll
    static void writeModel() {
        Ended ended = bench("--shape", "tiny", "--write-model", model.toString());
        assertEquals(0, ended.code(), ended.errors());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "shared-prefix", "sharegpt", "long-prompt", "long-output", "mixed-prefixes"
            })
    void aWorkloadGivesItsFigures(String workload) throws IOException {
        JsonNode json =
                measured(
                        "--workload", workload, "--prompts", "8", "--shared", "64", "--unique",
                        "16", "--output", "4");
        assertTrue(json.path("seconds").asDouble() > 0, json.toString());
        long output = Files.readAllLines(dir.resolve("answers")).stream()
                .mapToLong(BenchCommandTest::tokens).sum();
        assertEquals(output, json.path("output_tokens").asLong());
        assertEquals(
                output / json.path("seconds").asDouble(),
                json.path("output_tokens_per_second").asDouble(),
                1e-6 * output / json.path("seconds").asDouble());
        double hits = json.path("hit_ratio").asDouble(-1);
        assertTrue(hits > 0.3 && hits < 1, "the prompts share their first tokens: " + json);
        double ideal = json.path("ideal_hit_ratio").asDouble(-1);
        assertTrue(ideal >= hits && ideal < 1, "an unbounded cache has no fewer: " + json);
        assertTrue(json.path("allocated_bytes_per_step").asLong() > 0, json.toString());
        double sum = 0;
        for (JsonNode part : json.path("account_seconds")) {
            sum += part.asDouble();
        }
        assertEquals(5, json.path("account_seconds").size());
        assertEquals(json.path("seconds").asDouble(), sum, 0.05 * sum, json.toString());
    }

    @Test
    void theIdealIsWhatAllButTheFirstPromptShare() throws IOException {
        JsonNode json =
                measured("--prompts", "8", "--shared", "64", "--unique", "16", "--output", "4");
        assertEquals(7 * 64 / (8 * 80.0), json.path("ideal_hit_ratio").asDouble(), 1e-9);
    }

    @Test
    void aSingleStreamGivesItsRates() throws IOException {
        JsonNode json = measured("--single-stream");
        assertTrue(json.path("prefill_tokens_per_second").asDouble() > 0, json.toString());
        assertTrue(json.path("decode_tokens_per_second").asDouble() > 0, json.toString());
        assertEquals(1, json.path("runs_decode_tokens_per_second").size());
    }

    @Test
    void keysAndValuesInInt8AreAChoice() throws IOException {
        String[] job = {"--prompts", "4", "--shared", "64", "--output", "4"};
        assertEquals("bf16", measured(job).path("kv_cache_dtype").asText());
        List<String> options = new ArrayList<>(List.of(job));
        options.addAll(List.of("--kv-cache-dtype", "int8"));
        JsonNode json = measured(options.toArray(String[]::new));
        assertEquals("int8", json.path("kv_cache_dtype").asText());
        assertEquals(16, json.path("output_tokens").asInt());
    }

    @ParameterizedTest
    @CsvSource({
        "cpu, fp8, takes bf16 or int8 on device cpu",
        "scalar, int8, device scalar keeps keys and values in F32",
        "cuda, int8, takes fp8 or bf16 on a CUDA device"
    })
    void aKvFormatThatTheDeviceLacksIsRefused(String device, String type, String message) {
        Ended ended =
                bench("--model", model.toString(), "--device", device, "--kv-cache-dtype", type);
        assertEquals(2, ended.code());
        assertTrue(ended.errors().contains(message), ended.errors());
    }

    @Test
    void aModelAndAShapeAreRefusedTogether() {
        Ended ended = bench("--model", model.toString(), "--shape", "tiny");
        assertEquals(2, ended.code());
        assertTrue(ended.errors().contains("choose one of --model and --shape"), ended.errors());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--json", "--answers"})
    void aFolderThatIsNotThereIsRefusedBeforeTheRun(String option) {
        Path nowhere = dir.resolve("nowhere");
        Ended ended =
                bench("--model", model.toString(), option, nowhere.resolve("out").toString());
        assertEquals(2, ended.code());
        assertTrue(ended.errors().contains("there is no folder " + nowhere), ended.errors());
        assertFalse(ended.output().contains("warm-up"), ended.output());
    }

    private JsonNode measured(String... options) throws IOException {
        List<String> all = new ArrayList<>(List.of(options));
        Path json = dir.resolve("out.json");
        all.addAll(List.of("--model", model.toString(), "--repeat", "1", "--kv-cache-mb", "64"));
        all.addAll(List.of("--json", json.toString()));
        all.addAll(List.of("--answers", dir.resolve("answers").toString()));
        Ended ended = bench(all.toArray(String[]::new));
        assertEquals(0, ended.code(), ended.errors());
        return new ObjectMapper().readTree(json.toFile());
    }

    private static long tokens(String line) {
        try {
            return new ObjectMapper().readTree(line).path("tokens").size();
        } catch (IOException e) {
            throw new AssertionError(line, e);
        }
    }

    private static Ended bench(String... options) {
        StringWriter out = new StringWriter();
        StringWriter errors = new StringWriter();
        CommandLine line = Millrace.commandLine();
        line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(errors, true));
        List<String> words = new ArrayList<>(List.of("bench"));
        words.addAll(List.of(options));
        int code = line.execute(words.toArray(String[]::new));
        return new Ended(code, out.toString(), errors.toString());
    }
}
