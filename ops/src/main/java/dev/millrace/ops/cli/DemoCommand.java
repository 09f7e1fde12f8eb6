package dev.millrace.ops.cli;

import dev.millrace.ingest.submit.JobSubmitter;
import dev.millrace.ingest.submit.SubmitConfig;
import dev.millrace.ingest.submit.SubmitListener;
import dev.millrace.ops.demo.DemoReport;
import dev.millrace.ops.demo.DemoRun;
import dev.millrace.ops.demo.Promised;
import dev.millrace.ops.embedded.EmbeddedStack;
import dev.millrace.ops.embedded.StackConfig;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.sink.results.BatchWatch;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** {@code millrace demo}: the main job on the demonstration model. */
@Command(
        name = "demo",
        description = {
            "Runs the whole pipeline on the demonstration model and reports.",
            "Starts Kafka, registry, ingest, worker, sink and metrics in one JVM, publishes the"
                + " model's 1,000",
            "prompts, shows progress and ends with a report. Exit code 0 only if every prompt was"
                + " answered",
            "exactly once and the accuracy is what the model's README says, within a point. Only a"
                + " log stays."
        })
public final class DemoCommand implements Callable<Integer> {
    private static final String BATCH = "demo";
    private static final String RUN = "demo";
    private static final int PARTITIONS = 2;
    private static final Duration STALLED = Duration.ofMinutes(5);

    @Option(
            names = "--device",
            defaultValue = "cpu",
            description = "cpu, cuda, auto, scalar (slow) or cuda-emulated (very slow). Default:"
                            + " ${DEFAULT-VALUE}.")
    String device;

    @Option(
            names = "--http-port",
            paramLabel = "N",
            defaultValue = "0",
            description =
                    "Port of /metrics while it runs; 0 takes a free one (default"
                            + " ${DEFAULT-VALUE}).")
    int httpPort;

    @Spec CommandSpec spec;

    private PrintWriter out;

    @Override
    public Integer call() throws Exception {
        Path log = Logs.toFile("demo");
        out = spec.commandLine().getOut();
        EngineOptions engine = EngineOptions.forDemo(device);
        engine.check();
        Path model = engine.modelDir();
        Promised promised = Promised.read(model);
        Path dataDir = Files.createTempDirectory("millrace-demo-");
        println(
                "Millrace demo: Kafka, schema registry, ingest, worker, sink and metrics in one"
                        + " JVM. Log: "
                        + log);
        try (EmbeddedStack stack =
                EmbeddedStack.open(
                        new StackConfig(dataDir, 0, 0, httpPort, PARTITIONS, engine::open, device),
                        part -> println("  started " + part))) {
            DemoReport report = run(stack, model.resolve("prompts.jsonl"), promised);
            println("");
            report.lines().forEach(this::println);
            println("");
            DemoReport.nextSteps(nextSteps(log)).forEach(this::println);
            println("");
            println(
                    report.passed()
                            ? "PASSED: every prompt was answered exactly once, and as accurately as"
                                    + " the model's README says."
                            : "FAILED: see the report above and the log " + log);
            return report.passed() ? 0 : 1;
        } finally {
            deleteAll(dataDir);
        }
    }

    private DemoReport run(EmbeddedStack stack, Path prompts, Promised promised) throws Exception {
        int count = Math.toIntExact(lineCount(prompts));
        println("publishing " + Format.count(count) + " prompts from " + prompts);
        long start = System.nanoTime();
        LiveLine line = new LiveLine(out, LiveLine.onTerminal());
        try (DemoRun run = new DemoRun(stack, count);
                DemoProgress progress = new DemoProgress(line, stack.clientProperties(), start)) {
            submit(stack, prompts);
            stack.serve();
            // The first answer comes sooner without the pages, and nobody needs them before it.
            run.untilAnswered(1, STALLED, progress::show);
            stack.openPages();
            run.untilAnswered(count, STALLED, progress::show);
            double seconds = (System.nanoTime() - start) / 1e9;
            progress.finish(run.outcome());
            BatchProgress batch =
                    BatchWatch.awaitBatch(
                            stack.clientProperties(), BATCH, RUN, Duration.ofSeconds(30), b -> {});
            run.untilEnd();
            return new DemoReport(
                    run.outcome(),
                    promised,
                    progress.untilFirstCompletion(),
                    seconds,
                    batch.getStatus().name());
        }
    }

    private static void submit(EmbeddedStack stack, Path prompts)
            throws IOException, InterruptedException {
        SubmitConfig config = SubmitConfig.defaults(stack.clientProperties(), BATCH, RUN);
        try (JobSubmitter submitter = new JobSubmitter(config, InstantSource.system());
                InputStream in = Files.newInputStream(prompts)) {
            submitter.submit(in, prompts.toString(), SubmitListener.NONE);
        }
    }

    private static Map<String, String> nextSteps(Path log) {
        Map<String, String> steps = new LinkedHashMap<>();
        steps.put("leave it running", "./millrace up");
        steps.put(
                "your own prompts",
                "./millrace submit -i FILE.jsonl --wait, then ./millrace results --batch ID -o"
                        + " OUT.jsonl");
        steps.put("your own model", "./millrace up --model DIR");
        steps.put("the engine alone", "./millrace generate -i FILE.jsonl -o OUT.jsonl --model DIR");
        steps.put("how it works", "ARCHITECTURE.md");
        steps.put("what happened", log.toString());
        return steps;
    }

    private static long lineCount(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(line -> !line.isBlank()).count();
        }
    }

    private static void deleteAll(Path dir) {
        try (Stream<Path> walk = Files.walk(dir)) {
            for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot delete " + dir, e);
        }
    }

    private void println(String line) {
        out.println(line);
        out.flush();
    }
}
