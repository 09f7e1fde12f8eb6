package dev.millrace.worker.remote;

import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;

/** What a reply means for its job and for the server. The one table of it is {@link #on}. */
sealed interface Verdict {
    /** The job is answered. */
    record Answered(AnswerReader.Answer answer) implements Verdict {}

    /** The job can never be answered by this server. */
    record Refused(ErrorInfo reason) implements Verdict {}

    /**
     * Another attempt may help.
     *
     * @param outcome for the metrics
     * @param reason for the job's completion, with the server's own words
     * @param shown for logs and status: the server's own words may repeat a prompt or the key
     * @param afterMs the server's own wish; 0 for none
     * @param isServerDown counts towards the circuit breaker
     * @param isOverload fewer requests at once may help
     */
    record Again(
            Outcome outcome,
            ErrorInfo reason,
            String shown,
            long afterMs,
            boolean isServerDown,
            boolean isOverload)
            implements Verdict {}

    /** No job will ever be answered with these settings. */
    record Hopeless(String reason) implements Verdict {}

    /**
     * Sorts a reply.
     *
     * <pre>
     * 200 in good order                     answered
     * 200 that cannot be used               again
     * 408, 425, 429, 5xx                    again, Retry-After honoured; 429 and 503 halve the concurrency
     * no whole answer, or none in time      again
     * 401, 407                              hopeless: no job is spent on a wrong key
     * all else                              refused, with the server's own words
     * </pre>
     */
    static Verdict on(Transport.Reply reply, PromptJob job, long nowMs) {
        return switch (reply) {
            case Transport.Reply.Broken broken ->
                    new Again(
                            Outcome.CONNECTION,
                            new ErrorInfo("server_error", broken.reason(), null),
                            broken.reason(),
                            0,
                            true,
                            false);
            case Transport.Reply.Http http when http.status() == 200 -> {
                try {
                    yield new Answered(AnswerReader.read(http.body(), job));
                } catch (MalformedAnswerException e) {
                    String message = "the remote server's answer cannot be used: " + e.getMessage();
                    yield new Again(
                            Outcome.MALFORMED,
                            new ErrorInfo("server_error", message, null),
                            "the remote server's answer cannot be used",
                            0,
                            false,
                            false);
                }
            }
            case Transport.Reply.Http http -> onStatus(http, nowMs);
        };
    }

    private static Verdict onStatus(Transport.Reply.Http http, long nowMs) {
        int status = http.status();
        ErrorInfo reason = ErrorReader.read(status, http.body());
        String shown = "the remote server answered " + status;
        long afterMs = RetryAfter.delayMs(http.retryAfter(), nowMs);
        if (status == 401 || status == 407) {
            return new Hopeless(shown + "; is the API key right?");
        }
        if (status == 429) {
            return new Again(Outcome.RATE_LIMITED, reason, shown, afterMs, false, true);
        }
        if (status >= 500) {
            // A server that says when to come back is busy, not broken.
            boolean isDown = afterMs == 0;
            return new Again(
                    Outcome.SERVER_ERROR, reason, shown, afterMs, isDown, status == 503);
        }
        if (status == 408 || status == 425) {
            return new Again(Outcome.TIMEOUT, reason, shown, afterMs, false, true);
        }
        return new Refused(reason);
    }
}
