package dev.millrace.worker;

/** The worker has stopped for good; the message says what for, the cause what happened last. */
public final class WorkerFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public WorkerFailedException(String message, Throwable cause) {
        super(message + (cause == null ? "" : ": " + cause.getMessage()), cause);
    }
}
