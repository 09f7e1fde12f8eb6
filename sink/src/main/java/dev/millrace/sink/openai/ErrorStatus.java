package dev.millrace.sink.openai;

/** The HTTP status that OpenAI's API would have answered, by the code of an error. */
final class ErrorStatus {
    private ErrorStatus() {}

    /**
     * 4xx: the request is at fault, and would fail again. 5xx: the service is. An unknown code counts as the
     * request's fault.
     */
    static int of(String code) {
        return switch (code) {
            case "model_not_found", "not_found" -> 404;
            case "rate_limit_exceeded", "insufficient_quota" -> 429;
            case "internal_error", "server_error", "engine_error", "worker_error" -> 500;
            default -> 400;
        };
    }
}
