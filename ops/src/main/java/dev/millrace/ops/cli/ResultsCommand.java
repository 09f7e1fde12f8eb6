package dev.millrace.ops.cli;

import dev.millrace.sink.results.BatchWatch;
import dev.millrace.sink.results.ResultsExporter;
import dev.millrace.sink.results.ResultsReport;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

/** {@code millrace results}: a batch's answers as files. */
@Command(
        name = "results",
        description = {
            "Writes a batch's OpenAI output and error lines.",
            "Lines are in the order in which jobs finished: match them by custom_id. Exit code 0"
                + " only if the",
            "batch has ended and each of its jobs has exactly one line."
        })
public final class ResultsCommand implements Callable<Integer> {
    @Option(names = "--batch", required = true, paramLabel = "ID", description = "The batch.")
    String batch;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "OUT.jsonl",
            description = "Where output lines go.")
    Path output;

    @Option(
            names = "--errors",
            paramLabel = "ERR.jsonl",
            description = "Where the lines of failed jobs go (default: with the output lines).")
    Path errors;

    @Option(names = "--wait", description = "Wait until the batch has ended.")
    boolean wait;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Logs.quiet();
        var properties = connection.requireAll();
        if (wait) {
            new BatchProgressView(spec.commandLine().getErr())
                    .follow(
                            listener ->
                                    BatchWatch.awaitBatch(
                                            properties, batch, Duration.ofDays(365), listener));
        }
        ResultsReport report = new ResultsExporter(properties).export(batch, output, errors);
        spec.commandLine().getErr().println(report.summary());
        return report.isWhole() ? 0 : 1;
    }
}
