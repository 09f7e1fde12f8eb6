package dev.millrace.ops.gateway;

import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.regex.Pattern;

/**
 * Makes ids whose order is the order in which they were made: prefix, 12 hex digits of
 * milliseconds, 4 of a counter, 16 random ones. So a list's cursor stays good after its object has
 * been deleted. For several threads.
 */
final class Ids {
    static final String FILE = "file-";
    static final String BATCH = "batch_";

    private static final Pattern TAIL = Pattern.compile("[0-9a-f]{32}");
    private static final int COUNTER_BITS = 16;

    private final InstantSource clock;
    private final SecureRandom random = new SecureRandom();
    private long last;

    Ids(InstantSource clock) {
        this.clock = clock;
    }

    /** A new id, larger than every one before. */
    String next(String prefix) {
        return prefix + String.format("%016x%016x", tick(), random.nextLong());
    }

    private synchronized long tick() {
        last = Math.max(last + 1, clock.millis() << COUNTER_BITS);
        return last;
    }

    /** Whether a text has the form of such an id; nothing else ever comes near a file name. */
    static boolean isValid(String prefix, String id) {
        return id.startsWith(prefix) && TAIL.matcher(id.substring(prefix.length())).matches();
    }
}
