package dev.millrace.engine.model;

/**
 * A checkpoint that cannot be used; the message names the file and the field or tensor at fault.
 * Trying again does not help.
 */
public final class ModelLoadException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ModelLoadException(String message) {
        super(message);
    }

    public ModelLoadException(String message, Throwable cause) {
        super(message, cause);
    }
}
