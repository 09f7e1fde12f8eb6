package dev.millrace.ops.cli;

import java.io.PrintWriter;

/**
 * One line that is redrawn in place on a terminal; on anything else, a plain line now and then, so
 * that a log file stays readable.
 */
public final class LiveLine {
    private static final long PLAIN_EVERY_MS = 2_000;

    private final PrintWriter out;
    private final boolean terminal;
    private long lastPlainMs = Long.MIN_VALUE / 2;
    private int drawn;

    public LiveLine(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /** Whether standard output is a terminal that can redraw a line. */
    public static boolean onTerminal() {
        return System.console() != null
                && System.console().isTerminal()
                && !"dumb".equals(System.getenv("TERM"));
    }

    /** Shows the newest state; {@code nowMs} of any steady clock. */
    public void show(String text, long nowMs) {
        if (terminal) {
            out.print("\r" + text + " ".repeat(Math.max(0, drawn - text.length())));
            drawn = text.length();
            out.flush();
        } else if (nowMs - lastPlainMs >= PLAIN_EVERY_MS) {
            lastPlainMs = nowMs;
            out.println(text);
            out.flush();
        }
    }

    /** Shows the last state and leaves it standing. */
    public void finish(String text) {
        if (terminal) {
            show(text, 0);
            out.println();
        } else {
            out.println(text);
        }
        out.flush();
        drawn = 0;
    }
}
