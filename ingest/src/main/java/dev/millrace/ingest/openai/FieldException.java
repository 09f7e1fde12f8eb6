package dev.millrace.ingest.openai;

/**
 * A field of a request line is wrong. Caught by {@link BatchLineParser}, which makes a rejected job
 * of it.
 */
final class FieldException extends RuntimeException {
    private final String code;
    private final transient String param;

    /**
     * @param code OpenAI's error code
     * @param param path of the field, or null when no single field is at fault
     */
    FieldException(String code, String param, String message) {
        super(message, null, false, false);
        this.code = code;
        this.param = param;
    }

    String code() {
        return code;
    }

    String param() {
        return param;
    }
}
