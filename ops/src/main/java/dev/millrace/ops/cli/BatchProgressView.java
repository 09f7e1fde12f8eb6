package dev.millrace.ops.cli;

import dev.millrace.schemas.BatchProgress;

import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;

/** Draws the progress of a batch while somebody waits for it. */
final class BatchProgressView {
    private final LiveLine line;
    private final long startNanos = System.nanoTime();
    private long finishedAtStart = -1;

    BatchProgressView(PrintWriter out) {
        this.line = new LiveLine(out, LiveLine.onTerminal());
    }

    /** Runs {@code wait} with a listener that draws, and leaves the last state standing. */
    BatchProgress follow(Function<Consumer<BatchProgress>, BatchProgress> wait) {
        BatchProgress last =
                wait.apply(
                        progress ->
                                line.show(
                                        text(progress),
                                        TimeUnit.NANOSECONDS.toMillis(System.nanoTime())));
        line.finish(text(last));
        return last;
    }

    private String text(BatchProgress progress) {
        long finished =
                progress.getCompleted()
                        + progress.getFailed()
                        + progress.getExpired()
                        + progress.getCancelled();
        if (finishedAtStart < 0) {
            finishedAtStart = finished;
        }
        double rate = (finished - finishedAtStart) / ((System.nanoTime() - startNanos) / 1e9);
        String left =
                rate == 0 ? "unknown" : Format.duration((progress.getTotal() - finished) / rate);
        return String.format(
                "%s %s %s/%s, %s failed, %s, time left %s",
                progress.getBatchId(),
                Format.bar(finished, progress.getTotal()),
                Format.count(finished),
                Format.count(progress.getTotal()),
                Format.count(progress.getFailed()),
                progress.getStatus(),
                left);
    }
}
