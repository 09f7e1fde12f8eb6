package dev.millrace.ops.cli;

import dev.millrace.ingest.submit.BatchIds;
import dev.millrace.ingest.submit.JobSubmitter;
import dev.millrace.ingest.submit.RejectedLine;
import dev.millrace.ingest.submit.SubmitConfig;
import dev.millrace.ingest.submit.SubmitListener;
import dev.millrace.ingest.submit.SubmitReport;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.sink.results.BatchWatch;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** {@code millrace submit}: request lines to the prompts topic. */
@Command(
        name = "submit",
        description = {
            "Publishes OpenAI batch request lines as jobs.",
            "Streams, so that memory stays flat for any size. A line that cannot be understood is"
                + " published",
            "too and ends as FAILED with its reason. Submitting the same file again with the same"
                + " --batch is",
            "safe: jobs that are there already are dropped."
        })
public final class SubmitCommand implements Callable<Integer> {
    @Option(
            names = {"-i", "--input"},
            required = true,
            paramLabel = "FILE.jsonl",
            description = "Request lines; - reads standard input.")
    Path input;

    @Option(
            names = "--batch",
            paramLabel = "ID",
            description = "The batch's id (default: the file's name and the time).")
    String batch;

    @Option(
            names = "--tenant",
            paramLabel = "NAME",
            defaultValue = "default",
            description = "Who pays (default ${DEFAULT-VALUE}).")
    String tenant;

    @Option(
            names = "--metadata",
            paramLabel = "KEY=VALUE",
            description = "A pair for the batch; repeat for more.")
    Map<String, String> metadata = new HashMap<>();

    @Option(
            names = "--wait",
            description =
                    "Wait until the batch has ended; exit code 1 if any job did not complete.")
    boolean wait;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Logs.quiet();
        boolean standardInput = input.toString().equals("-");
        if (!standardInput) {
            Inputs.requireFile(input);
        }
        PrintWriter err = spec.commandLine().getErr();
        SubmitConfig config = config(connection.requireAll());
        SubmitReport report;
        try (JobSubmitter submitter = new JobSubmitter(config, InstantSource.system());
                InputStream in = standardInput ? System.in : Files.newInputStream(input)) {
            report = submitter.submit(in, input.toString(), new View(err));
        }
        err.printf(
                "%s jobs published to batch %s in %s%n",
                Format.count(report.published()),
                report.batchId(),
                Format.duration(report.took().toMillis() / 1000.0));
        if (report.rejected() > 0) {
            err.printf(
                    "%s of them could not be understood and will end as FAILED%n",
                    Format.count(report.rejected()));
        }
        spec.commandLine().getOut().println(report.batchId());
        return wait ? await(config, report) : 0;
    }

    private int await(SubmitConfig config, SubmitReport report) {
        BatchProgress end =
                new BatchProgressView(spec.commandLine().getErr())
                        .follow(
                                listener ->
                                        BatchWatch.awaitBatch(
                                                config.clientProperties(),
                                                report.batchId(),
                                                report.submissionId(),
                                                Duration.ofDays(365),
                                                listener));
        return end.getCompleted() == end.getTotal() ? 0 : 1;
    }

    private SubmitConfig config(Map<String, Object> clientProperties) {
        UUID unique = UUID.randomUUID();
        String file = input.toString().equals("-") ? "stdin" : input.getFileName().toString();
        String id =
                batch == null ? BatchIds.of(file, InstantSource.system().instant(), unique) : batch;
        try {
            return SubmitConfig.defaults(clientProperties, id, unique.toString())
                    .withTenant(tenant)
                    .withMetadata(metadata);
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
    }

    /** Progress, and each rejected line as it is met. */
    private static final class View implements SubmitListener {
        private final PrintWriter err;
        private final LiveLine line;

        View(PrintWriter err) {
            this.err = err;
            this.line = new LiveLine(err, LiveLine.onTerminal());
        }

        @Override
        public void progress(long lines, long published, long bytesRead) {
            line.show(
                    Format.count(lines) + " lines read, " + Format.count(published) + " published",
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime()));
        }

        @Override
        public void rejected(RejectedLine rejected) {
            err.println(rejected);
        }
    }
}
