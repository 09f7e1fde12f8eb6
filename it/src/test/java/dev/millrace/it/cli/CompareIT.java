package dev.millrace.it.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.it.Repository;
import dev.millrace.ops.bench.Python;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * ops/compare from its command line to its table, with the one engine that needs no installation:
 * the model and the prompts are made, runs are timed, answers checked.
 */
class CompareIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir Path dir;

    @BeforeEach
    void needsPython() throws InterruptedException {
        Python.orSkip("runs of ops/compare", List.of("venv", "ensurepip"));
    }

    @Test
    void aBatchIsTimedInBothFormatsOfWeights() throws Exception {
        ProgramRun ended =
                compare("--prompts", "6", "--shared", "40", "--unique", "8", "--output", "8");
        assertEquals(0, ended.code(), ended.out() + ended.err());
        JsonNode report = JSON.readTree(dir.resolve("report.json").toFile());
        assertEquals(0, report.get("not_run").size(), report.toString());
        List<String> weights = new ArrayList<>();
        for (JsonNode row : report.get("rows")) {
            weights.add(row.get("weights").asText());
            assertEquals("millrace", row.get("engine").asText());
            double seconds = row.get("runs").get("seconds").get(0).asDouble();
            double rate = row.get("median").get("output_tokens_per_second").asDouble();
            assertTrue(seconds > 0, row.toString());
            assertEquals(6 * 8, rate * seconds, 0.01 * 6 * 8, row.toString());
            String shown = "| millrace | " + row.get("weights").asText() + " | ";
            assertTrue(ended.out().contains(shown), ended.out());
        }
        assertEquals(Set.of("int8", "bf16"), Set.copyOf(weights));
        assertEquals(2, weights.size());
    }

    @Test
    void aSingleStreamHasARateForPrefillAndOneForDecode() throws Exception {
        ProgramRun ended = compare("--job", "single-stream", "--weights", "bf16");
        assertEquals(0, ended.code(), ended.out() + ended.err());
        JsonNode median =
                JSON.readTree(dir.resolve("report.json").toFile()).get("rows").get(0).get("median");
        assertTrue(median.get("prefill_tokens_per_second").asDouble() > 0, median.toString());
        assertTrue(median.get("decode_tokens_per_second").asDouble() > 0, median.toString());
    }

    private ProgramRun compare(String... more) throws IOException, InterruptedException {
        Path program = Repository.root().resolve("ops/compare");
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "sh", program.toString(), "--peers", "millrace", "--shape", "tiny",
                                "--runs", "1", "--folder", dir.resolve("work").toString(), "--json",
                                dir.resolve("report.json").toString()));
        command.addAll(List.of(more));
        return ProgramRun.of(dir, command);
    }
}
