package dev.millrace.ingest.openai;

/** Codes of rejected lines, as OpenAI's API names them. */
final class ErrorCodes {
    static final String INVALID_JSON = "invalid_json_line";
    static final String INVALID_METHOD = "invalid_method";
    static final String INVALID_URL = "invalid_url";
    static final String MISSING = "missing_required_parameter";
    static final String INVALID_TYPE = "invalid_type";
    static final String INVALID_VALUE = "invalid_value";
    static final String UNKNOWN = "unknown_parameter";
    static final String UNSUPPORTED = "unsupported_parameter";
    static final String UNSUPPORTED_VALUE = "unsupported_value";
    static final String LINE_TOO_LONG = "line_too_long";

    private ErrorCodes() {}
}
