package dev.millrace.engine.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.engine.backend.cuda.CudaDevices;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The check of a GPU from end to end, on the emulated device. */
class GpuCheckTest {

    @Test
    void runsWholeAndReports(@TempDir Path folder) throws IOException {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        String[] args = {
            "--device",
            "cuda-emulated",
            "--goldens",
            "src/test/resources/goldens",
            "--out",
            folder.toString(),
            "--minutes",
            "5"
        };
        int failures = GpuCheck.run(args, new PrintStream(printed, true, StandardCharsets.UTF_8));
        assertEquals(0, failures, printed.toString(StandardCharsets.UTF_8));
        JsonNode report = new ObjectMapper().readTree(folder.resolve("report.json").toFile());
        assertTrue(report.get("stages").size() >= 6, report::toString);
        for (JsonNode stage : report.get("stages")) {
            assertFalse(stage.has("skipped"), stage::toString);
            assertTrue(stage.get("rows").size() > 0, stage::toString);
        }
        assertTrue(Files.readString(folder.resolve("report.md")).contains("emulated on the host"));
    }

    /** What the comparison of ops says of equal, wrong and missing values. */
    @Test
    void errorsAreRelative() {
        float[][] reference = {{3, 4}, {0, 12}};
        assertEquals(0, OpStage.error(reference, new float[][] {{3, 4}, {0, 12}}));
        assertEquals(1 / 13.0, OpStage.error(reference, new float[][] {{3, 4}, {1, 12}}), 1e-12);
        assertTrue(Double.isNaN(OpStage.error(reference, new float[][] {{3, 4}, {1, Float.NaN}})));
    }

    /** Without a GPU one line says what is missing, and nothing is reported. */
    @Test
    void withoutAGpuItSaysSo(@TempDir Path folder) throws IOException {
        Assumptions.assumeFalse(CudaDevices.hasDriver(), "this machine has an NVIDIA driver");
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        Path out = folder.resolve("out");
        String[] args = {"--out", out.toString()};
        assertEquals(1, GpuCheck.run(args, new PrintStream(printed, true, StandardCharsets.UTF_8)));
        String text = printed.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("install the driver"), text);
        assertEquals(1, text.lines().count(), text);
        assertFalse(Files.exists(out));
    }

    /** Of a model with experts one token may be another; its neighbours may not. */
    @Test
    void oneOtherTokenIsKnown() {
        assertTrue(new OtherToken("qwen3-moe-bf16", 1, 14, 95).isKnown());
        assertFalse(new OtherToken("qwen3-moe-bf16", 1, 14, 49).isKnown());
        assertFalse(new OtherToken("qwen3-moe-bf16", 1, 13, 95).isKnown());
        assertFalse(new OtherToken("qwen3-moe-bf16", 0, 14, 95).isKnown());
        assertFalse(new OtherToken("mixtral-bf16", 1, 14, 95).isKnown());
    }

    /** A wrong token is a failure of the check, also of a model with experts. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen2-bias-tied-bf16", "mixtral-bf16"})
    void aWrongTokenIsFound(String name, @TempDir Path folder) throws IOException {
        Path model = Files.createDirectories(folder.resolve("goldens").resolve("model"));
        Path from = Path.of("src/test/resources/goldens", name);
        for (String file : new String[] {"config.json", "model.safetensors", "golden.json"}) {
            Files.copy(from.resolve(file), model.resolve(file));
        }
        String golden = Files.readString(model.resolve("golden.json"));
        JsonNode first = new ObjectMapper().readTree(golden).get("cases").get(0).get("greedy");
        int token = first.get(0).intValue();
        String changed =
                golden.replaceFirst("(\"greedy\": \\[\\s*)" + token, "$1" + (token == 7 ? 8 : 7));
        assertFalse(changed.equals(golden));
        Files.writeString(model.resolve("golden.json"), changed);
        String[] args = {
            "--device",
            "cuda-emulated",
            "--goldens",
            model.getParent().toString(),
            "--out",
            folder.toString(),
            "--stages",
            "tokens"
        };
        assertEquals(
                1,
                GpuCheck.run(
                        args,
                        new PrintStream(
                                new ByteArrayOutputStream(), true, StandardCharsets.UTF_8)));
    }
}
