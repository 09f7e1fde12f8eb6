package dev.millrace.worker.remote;

/** The remote server cannot be worked with; a person must look at it or at the settings. */
public final class RemoteServerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    RemoteServerException(String message) {
        super(message);
    }
}
