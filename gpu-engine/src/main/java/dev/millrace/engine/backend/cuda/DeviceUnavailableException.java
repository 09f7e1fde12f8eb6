package dev.millrace.engine.backend.cuda;

/** The CUDA device cannot be used here. The message says what is missing and how to fix it. */
public final class DeviceUnavailableException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public DeviceUnavailableException(String message) {
        super(message);
    }

    public DeviceUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
