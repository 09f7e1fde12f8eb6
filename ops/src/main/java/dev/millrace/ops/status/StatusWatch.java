package dev.millrace.ops.status;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/** Shows the status again and again. */
public final class StatusWatch {
    private static final Duration INTERVAL = Duration.ofSeconds(1);
    /**
     * Cursor to the top left, then erase to the end of the screen: redraws without the flicker of a cleared
     * screen.
     */
    private static final String HOME_AND_ERASE = "\u001B[H\u001B[J";

    private StatusWatch() {}

    /**
     * Once a second until {@code goOn} says no.
     *
     * @param batchId only this batch, or null for all
     * @param format {@link StatusPrinter#text} or {@link StatusJson#text}
     * @param redraw whether to draw each over the one before, as a terminal can
     */
    public static void run(StatusReader reader, String batchId, Function<StatusSnapshot, String> format,
            PrintWriter out,
            boolean redraw, BooleanSupplier goOn) {
        while (goOn.getAsBoolean()) {
            String text = format.apply(reader.read(batchId));
            out.print((redraw ? HOME_AND_ERASE : "") + text + (text.endsWith("\n") ? "" : "\n"));
            out.flush();
            reader.idle(INTERVAL);
        }
    }
}
