package dev.millrace.ingest.submit;

/** A submission stopped half way. The message says where, why, and how to go on. */
public final class SubmitException extends RuntimeException {
    public SubmitException(String message, Throwable cause) {
        super(message, cause);
    }
}
