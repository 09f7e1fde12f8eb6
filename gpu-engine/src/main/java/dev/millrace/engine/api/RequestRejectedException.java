package dev.millrace.engine.api;

/** A request that can never run; the caller answers it as failed. Codes are OpenAI's where OpenAI has one. */
public final class RequestRejectedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String code;
    private final String param;

    /** @param param the request field at fault, or null */
    public RequestRejectedException(String code, String param, String message) {
        super(message);
        this.code = code;
        this.param = param;
    }

    public String code() {
        return code;
    }

    public String param() {
        return param;
    }
}
