package dev.millrace.ops.plan;

/**
 * How fast one worker is.
 *
 * @param promptTokensPerSecond prompt tokens computed per second while it does nothing else; cached
 *     ones do not count
 * @param outputTokensPerSecond tokens generated per second while it does nothing else
 * @param source where the numbers are from, for the reader
 */
public record WorkerRate(
        double promptTokensPerSecond, double outputTokensPerSecond, String source) {

    public WorkerRate {
        if (!(promptTokensPerSecond > 0) || !(outputTokensPerSecond > 0)) {
            throw new IllegalArgumentException(
                    "rates must be above 0 tokens/s, not "
                            + promptTokensPerSecond
                            + " in and "
                            + outputTokensPerSecond
                            + " out");
        }
    }
}
