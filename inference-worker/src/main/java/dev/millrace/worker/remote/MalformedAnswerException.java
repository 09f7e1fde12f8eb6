package dev.millrace.worker.remote;

/** The server said 200 and gave no answer that can be used. Asking again may help. */
final class MalformedAnswerException extends Exception {
    private static final long serialVersionUID = 1L;

    MalformedAnswerException(String message) {
        super(message, null, false, false);
    }
}
