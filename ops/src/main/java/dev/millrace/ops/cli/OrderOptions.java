package dev.millrace.ops.cli;

import dev.millrace.ops.control.ControlPublisher;
import dev.millrace.ops.control.ControlPublisher.Target;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.sink.progress.BatchStatuses;
import dev.millrace.sink.results.BatchWatch;
import dev.millrace.sink.results.UnknownBatchException;
import dev.millrace.sink.table.CompactedTable;

import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.function.BiConsumer;

/** To whom an order is given, and the way there; shared by every command that gives one. */
public final class OrderOptions {
    private static final Duration READ_TIMEOUT = Duration.ofMinutes(1);

    @ArgGroup(multiplicity = "1")
    Who who;

    @Option(
            names = "--force",
            description = "Give the order even if nothing is known of the batch yet.")
    boolean force;

    @Mixin ConnectionOptions connection;

    /** Exactly one of the two. */
    static final class Who {
        @Option(
                names = "--batch",
                paramLabel = "ID",
                description = "All jobs of this batch, also those to come.")
        String batch;

        @Option(
                names = "--job",
                paramLabel = "ID",
                description = "This job alone; files use batchId/customId.")
        String job;
    }

    /** Gives the order and says what to print about it. */
    String give(String what, BiConsumer<ControlPublisher, Target> order) {
        Logs.quiet();
        Map<String, Object> properties = connection.requireAll();
        Target target = new Target(who.batch, who.job);
        String note = who.batch == null || force ? "" : noteOnBatch(properties);
        try (ControlPublisher publisher =
                new ControlPublisher(properties, "cli", InstantSource.system())) {
            order.accept(publisher, target);
        }
        return what + " " + (who.batch == null ? "job " + who.job : "batch " + who.batch) + note;
    }

    private String noteOnBatch(Map<String, Object> properties) {
        try (CompactedTable<BatchProgress> batches = BatchWatch.openTable(properties)) {
            batches.readToEnd(READ_TIMEOUT);
            BatchProgress progress = batches.get(who.batch);
            if (progress == null) {
                UnknownBatchException unknown =
                        new UnknownBatchException(who.batch, batches.entries().keySet());
                throw CliFailure.failed(
                        unknown.getMessage() + "; --force gives the order all the same");
            }
            return BatchStatuses.hasEnded(progress.getStatus())
                    ? " (it has ended as "
                            + progress.getStatus()
                            + "; the order concerns only jobs still to come)"
                    : " ("
                            + BatchStatuses.ended(progress)
                            + " of "
                            + progress.getTotal()
                            + " jobs have ended)";
        }
    }
}
