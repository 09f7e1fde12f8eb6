package dev.millrace.ops.cli;

import java.util.Locale;

/** Numbers as people read them. */
public final class Format {
    private static final int BAR_CELLS = 24;

    private Format() {}

    /** 1234567 as 1,234,567. */
    public static String count(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /** 12.3 s, 4 min 05 s, 2 h 10 min. */
    public static String duration(double seconds) {
        if (!Double.isFinite(seconds)) {
            return "unknown";
        }
        if (seconds < 60) {
            return String.format(Locale.ROOT, "%.1f s", seconds);
        }
        long s = Math.round(seconds);
        return s < 3600
                ? String.format(Locale.ROOT, "%d min %02d s", s / 60, s % 60)
                : String.format(Locale.ROOT, "%d h %02d min", s / 3600, s % 3600 / 60);
    }

    /** 97.7 % of a share in [0, 1]; a dash when there is nothing to divide by. */
    public static String percent(double part, double whole) {
        return whole == 0 ? "–" : String.format(Locale.ROOT, "%.1f %%", 100 * part / whole);
    }

    /** A bar of fixed width. */
    public static String bar(long done, long total) {
        int full = total == 0 ? 0 : (int) Math.min(BAR_CELLS, BAR_CELLS * done / total);
        return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
    }
}
