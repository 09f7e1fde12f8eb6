package dev.millrace.ops.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.Millrace;
import dev.millrace.schemas.WorkerStats;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import picocli.CommandLine;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

class CapacityPlanTest {
    @TempDir Path dir;

    @Test
    void timeIsTheSumOfPromptsAndAnswers() {
        CapacityPlan plan = CapacityPlan.of(load(1_000, 3600), new WorkerRate(1_000, 100, "t"));
        // 1,000 × 200 tokens at 1,000/s and 1,000 × 50 at 100/s: 700 s of tokens.
        assertEquals(1, plan.workers());
        assertEquals(700 / CapacityPlan.UTILISATION, plan.secondsTaken(), 1e-6);
        assertEquals(2 * plan.workerHours(), plan.cost(), 1e-9);
    }

    @Test
    void theFewestWorkersThatAreInTimeAreTaken() {
        WorkerRate rate = new WorkerRate(1_000, 100, "t");
        CapacityPlan plan = CapacityPlan.of(load(1_000_000, 3600), rate);
        assertTrue(plan.secondsTaken() <= 3600, plan.toString());
        double oneLess = CapacityPlan.workerSeconds(plan.load(), rate) / (plan.workers() - 1);
        assertTrue(oneLess > 3600, plan.workers() + " workers are more than needed");
    }

    @Test
    void impossibleLoadsAreRefusedByName() {
        assertMessage("--prompts", () -> load(0, 1));
        assertMessage("--by", () -> load(1, 0));
        assertMessage("--shared", () -> new CapacityPlan.Load(1, 10, 1, 10, 1, 0));
        assertMessage("rates", () -> new WorkerRate(0, 1, "t"));
        assertMessage("two numbers", () -> RateSource.numbers("1000"));
    }

    @Test
    void ratesComeFromAFileOrFromWorkers() throws IOException {
        Path file = dir.resolve("rates.properties");
        Files.writeString(file, "prompt_tokens_per_second=900\noutput_tokens_per_second=90.5\n");
        assertEquals(90.5, RateSource.file(file).outputTokensPerSecond());
        WorkerRate measured = RateSource.of(List.of(stats()), "default");
        // 6,000 computed prompt tokens and 400 generated ones, ten times as dear, in 10 s.
        assertEquals(1_000, measured.promptTokensPerSecond(), 1e-9);
        assertEquals(100, measured.outputTokensPerSecond(), 1e-9);
        assertThrows(IllegalStateException.class, () -> RateSource.of(List.of(), "default"));
    }

    @Test
    void theCommandPrintsThePlanAndItsAssumptions() {
        String text =
                run(
                        0,
                        "--prompts",
                        "1000000",
                        "--in",
                        "900",
                        "--shared",
                        "700",
                        "--out",
                        "120",
                        "--by",
                        "24h",
                        "--rate-from",
                        "14000,1900",
                        "--cost-per-hour",
                        "2.5");
        assertTrue(text.startsWith("2 workers: done in "), text);
        for (String part : List.of("cost ", "Assumptions", "14,000 tok/s", "of these 700 shared")) {
            assertTrue(text.contains(part), part + " is not in " + text);
        }
        assertTrue(
                run(
                                2,
                                "--prompts",
                                "1",
                                "--in",
                                "9",
                                "--out",
                                "1",
                                "--by",
                                "soon",
                                "--rate-from",
                                "1,1")
                        .contains("--by 'soon'"));
    }

    private static CapacityPlan.Load load(long prompts, double seconds) {
        return new CapacityPlan.Load(prompts, 300, 50, 100, seconds, 2);
    }

    private static String run(int exitCode, String... options) {
        StringWriter text = new StringWriter();
        CommandLine line = Millrace.commandLine();
        line.setOut(new PrintWriter(text, true)).setErr(new PrintWriter(text, true));
        String[] args = new String[options.length + 1];
        args[0] = "plan";
        System.arraycopy(options, 0, args, 1, options.length);
        assertEquals(exitCode, line.execute(args), text.toString());
        return text.toString();
    }

    private static void assertMessage(String part, org.junit.jupiter.api.function.Executable run) {
        String message = assertThrows(IllegalArgumentException.class, run).getMessage();
        assertTrue(message.contains(part), message);
    }

    private static WorkerStats stats() {
        return WorkerStats.newBuilder()
                .setWorkerId("w")
                .setPool("default")
                .setModel("m")
                .setDevice("cpu")
                .setState("RUNNING")
                .setRunning(0)
                .setWaiting(0)
                .setUnfinished(0)
                .setKvBlocksUsed(0)
                .setKvBlocksTotal(1)
                .setJobsFinished(1)
                .setPromptTokens(8_000)
                .setCachedTokens(2_000)
                .setCompletionTokens(400)
                .setPreemptions(0)
                .setPromptTokensPerSecond(0)
                .setCompletionTokensPerSecond(0)
                .setStartedAt(Instant.ofEpochSecond(100))
                .setAt(Instant.ofEpochSecond(110))
                .build();
    }
}
