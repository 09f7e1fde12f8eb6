package dev.millrace.ops.gateway;

/**
 * A request that is refused, as OpenAI's clients understand it: an HTTP status and the members of
 * the error object.
 */
final class ApiFailure extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final String INVALID = "invalid_request_error";

    private final int status;
    private final String type;
    private final String param;
    private final String code;

    private ApiFailure(int status, String type, String message, String param, String code) {
        super(message);
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
    }

    /**
     * @param param the field that is wrong, or null
     */
    static ApiFailure badRequest(String param, String code, String message) {
        return new ApiFailure(400, INVALID, message, param, code);
    }

    static ApiFailure unauthorized(String message) {
        return new ApiFailure(401, INVALID, message, null, "invalid_api_key");
    }

    static ApiFailure notFound(String what, String id) {
        return new ApiFailure(404, INVALID, "No such " + what + ": '" + id + "'.", "id", null);
    }

    static ApiFailure unknownUrl(String message) {
        return new ApiFailure(404, INVALID, message, null, "unknown_url");
    }

    static ApiFailure methodNotAllowed(String message) {
        return new ApiFailure(405, INVALID, message, null, "method_not_allowed");
    }

    static ApiFailure timedOut(String message) {
        return new ApiFailure(408, INVALID, message, null, "request_timeout");
    }

    static ApiFailure conflict(String code, String message) {
        return new ApiFailure(409, INVALID, message, null, code);
    }

    static ApiFailure tooLarge(String param, String message) {
        return new ApiFailure(413, INVALID, message, param, "request_too_large");
    }

    static ApiFailure unsupportedMedia(String message) {
        return new ApiFailure(415, INVALID, message, null, "unsupported_media_type");
    }

    static ApiFailure internal(String message) {
        return new ApiFailure(500, "server_error", message, null, null);
    }

    /** The client may try again soon. */
    static ApiFailure unavailable(String message) {
        return new ApiFailure(503, "server_error", message, null, "unavailable");
    }

    static ApiFailure storageFull(String message) {
        return new ApiFailure(507, "server_error", message, null, "insufficient_storage");
    }

    int status() {
        return status;
    }

    String type() {
        return type;
    }

    String param() {
        return param;
    }

    String code() {
        return code;
    }
}
