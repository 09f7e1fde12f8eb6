package dev.millrace.ops.cli;

import dev.millrace.engine.api.DraftCounts;
import dev.millrace.ops.offline.OfflineRun;
import dev.millrace.sink.openai.BatchLineWriter;
import dev.millrace.worker.JobEngine;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.InstantSource;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** {@code millrace generate}: the engine alone. */
@Command(
        name = "generate",
        description = {
            "Runs the engine alone, without Kafka.",
            "OpenAI batch request lines in, output lines out, as they finish: match them by"
                + " custom_id. A line",
            "that cannot be run gets an error line."
        })
public final class GenerateCommand implements Callable<Integer> {
    @Option(
            names = {"-i", "--input"},
            required = true,
            paramLabel = "IN.jsonl",
            description =
                    "Request lines for /v1/chat/completions and /v1/completions; - reads standard"
                            + " input.")
    Path input;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "OUT.jsonl",
            description = "Where result lines go.")
    Path output;

    @Mixin EngineOptions engine;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Logs.quiet();
        PrintWriter err = spec.commandLine().getErr();
        long start = System.nanoTime();
        Path partial = output.resolveSibling(output.getFileName() + ".partial");
        OfflineRun.Progress end;
        DraftCounts drafts;
        try (BufferedReader in = Inputs.lines(input);
                OutputStream file = new BufferedOutputStream(Files.newOutputStream(partial));
                BatchLineWriter out = new BatchLineWriter(file)) {
            try (JobEngine jobs = engine.open(new SimpleMeterRegistry())) {
                LiveLine line = new LiveLine(err, LiveLine.onTerminal());
                end =
                        new OfflineRun(jobs, InstantSource.system())
                                .run(
                                        in,
                                        out,
                                        progress ->
                                                line.show(
                                                        text(progress, start, jobs.holdReason()),
                                                        nowMs()));
                line.finish(text(end, start, null));
                drafts = jobs.stats().drafts();
            }
        }
        if (drafts.draftTokens() > 0) {
            err.printf(
                    "%s tokens guessed, %s of them right%n",
                    Format.count(drafts.draftTokens()),
                    Format.percent(drafts.acceptedTokens(), drafts.draftTokens()));
        }
        // Renamed when complete: a file of that name is never half a result.
        Files.move(partial, output, StandardCopyOption.REPLACE_EXISTING);
        err.printf(
                "%s lines in %s, %s failed%n",
                Format.count(end.finished()), output, Format.count(end.failed()));
        return 0;
    }

    private static String text(OfflineRun.Progress p, long startNanos, String holdReason) {
        double seconds = (System.nanoTime() - startNanos) / 1e9;
        return String.format(
                "%s done, %s tok/s in, %s tok/s out, %s of prompt tokens from cache, %s%s",
                Format.count(p.finished()),
                Format.count(Math.round(p.promptTokens() / seconds)),
                Format.count(Math.round(p.completionTokens() / seconds)),
                Format.percent(p.cachedTokens(), p.promptTokens()),
                Format.duration(seconds),
                holdReason == null ? "" : "; waiting: " + holdReason);
    }

    private static long nowMs() {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime());
    }
}
