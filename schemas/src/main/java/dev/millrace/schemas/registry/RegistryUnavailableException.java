package dev.millrace.schemas.registry;

/**
 * No registry of the list gave an answer (connection refused, timeout, 5xx, 429), after all retries. The
 * record at hand is not to blame: retry it later, never set it aside.
 */
public final class RegistryUnavailableException extends RegistryException {
    /** With the last HTTP status, or 0 if there was none. */
    public RegistryUnavailableException(String message, int errorCode, Throwable cause) {
        super(message, errorCode, cause);
    }

    /**
     * True if this error or one of its causes is a {@link RegistryUnavailableException}; Kafka's clients wrap
     * it.
     */
    public static boolean isCauseOf(Throwable error) {
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof RegistryUnavailableException) {
                return true;
            }
        }
        return false;
    }
}
