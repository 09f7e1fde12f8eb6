package dev.millrace.it.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.it.pipeline.EchoEngine;
import dev.millrace.ops.embedded.EmbeddedStack;
import dev.millrace.ops.embedded.StackConfig;
import dev.millrace.worker.LocalJobEngine;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.util.List;

/** OpenAI's own client, as it comes, against what {@code millrace up} starts. */
class OpenAiClientIT {
    private static final int CHECKS = 11;

    @TempDir Path dir;

    @Test
    void theOfficialClientUploadsRunsAndDownloads() throws Exception {
        String missing = OpenAiClient.missing();
        if (missing != null) {
            LoggerFactory.getLogger(OpenAiClientIT.class)
                    .warn("SKIPPED, nothing was checked with OpenAI's client: {}", missing);
        }
        assumeTrue(missing == null, missing);
        StackConfig config =
                new StackConfig(
                        dir.resolve("data"),
                        0,
                        0,
                        0,
                        4,
                        meters -> new LocalJobEngine(EchoEngine.model(7, 8, content -> {})),
                        "echo");
        try (EmbeddedStack stack = EmbeddedStack.start(config, part -> {})) {
            String output = OpenAiClient.check(stack.httpUrl() + "/v1", EchoEngine.MODEL, dir);
            assertEquals(
                    CHECKS, output.lines().filter(line -> line.startsWith("ok ")).count(), output);
            String metrics = stack.metrics().scrape();
            assertTrue(metrics.contains("millrace_gateway_requests_total{"), metrics);
            assertEquals(List.of(), withoutHelp(metrics), "promtool refuses them");
        }
    }

    /** Metrics of a stack that has worked, for some are registered when they are first counted. */
    private static List<String> withoutHelp(String metrics) {
        return metrics.lines()
                .filter(line -> line.startsWith("# TYPE "))
                .map(line -> line.split(" ")[2])
                .filter(
                        name ->
                                metrics.lines()
                                        .noneMatch(l -> l.matches("# HELP " + name + " +\\S.*")))
                .toList();
    }
}
