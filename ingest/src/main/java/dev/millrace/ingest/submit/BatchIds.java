package dev.millrace.ingest.submit;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.UUID;
import java.util.regex.Pattern;

/** Names of batches. They stand before a slash in job ids, so they hold none themselves. */
public final class BatchIds {
    static final String RULE = "must be 1 to 200 letters, digits, '.', '_', ':' or '-'";

    private static final Pattern VALID = Pattern.compile("[A-Za-z0-9._:-]{1,200}");
    private static final int NAME_CHARS_MAX = 100;
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    private BatchIds() {}

    /** Whether a name can be a batch id. */
    public static boolean isValid(String id) {
        return VALID.matcher(id).matches();
    }

    /**
     * An id that says which file and when, and that no other run gets: {@code
     * prompts-20260131T093000Z-1b9d6bcd}.
     */
    public static String of(String fileName, Instant now, UUID unique) {
        String base = fileName.replaceFirst("\\.jsonl?$", "").replaceAll("[^A-Za-z0-9._-]+", "-");
        String name = base.substring(0, Math.min(base.length(), NAME_CHARS_MAX));
        return (name.isEmpty() || name.equals("-") ? "batch" : name)
                + "-"
                + TIME.format(now)
                + "-"
                + unique.toString().substring(0, 8);
    }
}
