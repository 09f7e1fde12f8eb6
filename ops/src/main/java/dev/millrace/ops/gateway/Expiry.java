package dev.millrace.ops.gateway;

/** How long files are kept: OpenAI's bounds, an hour to 30 days. */
final class Expiry {
    private static final long SECONDS_MIN = 3600;
    private static final long SECONDS_MAX = 2_592_000;

    private Expiry() {}

    /** Seconds out of a text; throws {@link ApiFailure} naming the parameter. */
    static long checkedSeconds(String param, String text) {
        long seconds = text.matches("[0-9]{1,9}") ? Long.parseLong(text) : 0;
        if (seconds < SECONDS_MIN || seconds > SECONDS_MAX) {
            throw ApiFailure.badRequest(
                    param,
                    "invalid_value",
                    "'" + param + "' must be from " + SECONDS_MIN + " to " + SECONDS_MAX + ".");
        }
        return seconds;
    }
}
