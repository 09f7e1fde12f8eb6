package dev.millrace.ops.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Runs the tests of ops/compare, which are in Python as it is. */
class CompareScriptTest {
    private record Ended(int code, String output) {}

    @Test
    void testsInPythonPass() throws Exception {
        Python.orSkip("the tests of ops/compare", List.of());
        Path tests = Path.of("compare.d").toAbsolutePath();
        if (!Files.isDirectory(tests)) {
            tests = Path.of("ops/compare.d").toAbsolutePath();
        }
        Ended ended = run("python3", "-B", "-m", "unittest", "discover", "-s", tests.toString());
        assertEquals(0, ended.code(), ended.output());
        assertTrue(ended.output().matches("(?s).*Ran [1-9]\\d* tests.*"), ended.output());
    }

    private static Ended run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
        String output =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), output);
    }
}
