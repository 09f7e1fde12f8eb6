package dev.millrace.ops.cli;

import dev.millrace.ops.status.StatusJson;
import dev.millrace.ops.status.StatusPrinter;
import dev.millrace.ops.status.StatusReader;
import dev.millrace.ops.status.StatusSnapshot;
import dev.millrace.ops.status.StatusWatch;
import dev.millrace.schemas.Topics;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import java.util.function.Function;

/** {@code millrace status}: lag, throughput, batches, workers. */
@Command(
        name = "status",
        description = {
            "Shows lag, throughput, batches and workers.",
            "The lag is the true one: log end less committed offset less what has finished ahead of"
                + " it."
        })
public final class StatusCommand implements Callable<Integer> {
    @Option(names = "--batch", paramLabel = "ID", description = "Only this batch.")
    String batch;

    @Option(names = "--watch", description = "Once a second until Ctrl-C.")
    boolean watch;

    @Option(names = "--json", description = "One JSON object for each look, for programs.")
    boolean json;

    @Option(
            names = "--pool",
            defaultValue = Topics.DEFAULT_POOL,
            description = "The pool whose workers and lag are shown (default ${DEFAULT-VALUE}).")
    String pool;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() {
        Logs.quiet();
        PrintWriter out = spec.commandLine().getOut();
        Function<StatusSnapshot, String> format = json ? StatusJson::text : StatusPrinter::text;
        try (StatusReader reader = new StatusReader(connection.requireAll(), pool)) {
            if (watch) {
                StatusWatch.run(
                        reader, batch, format, out, !json && LiveLine.onTerminal(), () -> true);
            } else {
                out.println(format.apply(reader.read(batch)).stripTrailing());
            }
        }
        return 0;
    }
}
