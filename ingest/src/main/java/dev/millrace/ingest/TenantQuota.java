package dev.millrace.ingest;

import java.util.Locale;

/**
 * How much of a tenant may be on its way to the workers at once. What goes beyond is held back on
 * ingest's disk, in order, until earlier jobs have ended; what goes beyond that ends as FAILED with
 * {@code quota_exceeded}.
 *
 * @param jobs most jobs routed and not ended
 * @param tokens most tokens of these, estimated: a quarter of the prompt's characters, and the
 *     output limit where one is set
 * @param held most jobs held back
 */
public record TenantQuota(long jobs, long tokens, long held) {
    /** The tenant's name in settings for all that are not named. */
    public static final String EVERYONE_ELSE = "*";

    private static final long DEFAULT_HELD = 1_000_000;

    public TenantQuota {
        if (jobs < 1 || tokens < 1 || held < 0) {
            throw new IllegalArgumentException(
                    "a quota's jobs and tokens must be at least 1, and held at least 0: "
                            + jobs
                            + ", "
                            + tokens
                            + ", "
                            + held);
        }
    }

    /**
     * Reads {@code jobs:10000,tokens:5000000,held:1000000}; what is left out is unlimited, held is
     * a million then.
     *
     * @throws IllegalArgumentException saying what is wrong
     */
    public static TenantQuota parse(String text) {
        long jobs = Long.MAX_VALUE;
        long tokens = Long.MAX_VALUE;
        long held = DEFAULT_HELD;
        for (String part : text.split(",")) {
            String[] pair = part.trim().split(":", 2);
            long number = pair.length == 2 ? number(pair[1], text) : -1;
            switch (pair[0].trim().toLowerCase(Locale.ROOT)) {
                case "jobs" -> jobs = number;
                case "tokens" -> tokens = number;
                case "held" -> held = number;
                default ->
                        throw new IllegalArgumentException(
                                "quota '"
                                        + text
                                        + "' is not jobs:N, tokens:N and held:N, separated by"
                                        + " commas");
            }
        }
        return new TenantQuota(jobs, tokens, held);
    }

    private static long number(String digits, String text) {
        try {
            return Long.parseLong(digits.trim().replace("_", ""));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "quota '" + text + "' has '" + digits + "' where a number must be");
        }
    }

    /** The part of it that one of so many equal tasks has. */
    TenantQuota share(int tasks) {
        return new TenantQuota(share(jobs, tasks), share(tokens, tasks), share(held, tasks));
    }

    private static long share(long whole, int tasks) {
        return whole / tasks + (whole % tasks == 0 ? 0 : 1);
    }
}
