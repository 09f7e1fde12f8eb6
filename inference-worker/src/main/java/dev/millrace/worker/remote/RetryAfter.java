package dev.millrace.worker.remote;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.format.DateTimeFormatter;

/** The Retry-After header: seconds, or a date (RFC 9110, section 10.2.3). */
final class RetryAfter {
    /** A server that asks for more is asked again after this. */
    static final long MAX_MS = 3_600_000;

    private RetryAfter() {}

    /**
     * Milliseconds to wait from {@code nowMs}, 0 for a header that is absent, past or not
     * understood.
     */
    static long delayMs(String header, long nowMs) {
        if (header == null) {
            return 0;
        }
        String value = header.strip();
        if (value.matches("[0-9]{1,18}")) {
            return Math.min(MAX_MS, Math.min(MAX_MS, Long.parseLong(value)) * 1000);
        }
        try {
            Instant until = Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(value));
            return Math.clamp(until.toEpochMilli() - nowMs, 0, MAX_MS);
        } catch (DateTimeException e) {
            return 0;
        }
    }
}
