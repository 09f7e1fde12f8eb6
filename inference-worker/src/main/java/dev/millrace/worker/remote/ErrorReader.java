package dev.millrace.worker.remote;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.schemas.ErrorInfo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * The reason in an answer that is no 200, whichever of four shapes it has: OpenAI's {@code error}
 * object, the same flat (older vLLM, TensorRT-LLM, LMDeploy), TGI's {@code error} text, FastAPI's
 * {@code detail}.
 */
final class ErrorReader {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_MESSAGE_CHARS = 2000;

    private ErrorReader() {}

    static ErrorInfo read(int status, byte[] body) {
        JsonNode root = parse(body);
        JsonNode error = root.path("error").isObject() ? root.path("error") : root;
        String message = firstText(error.path("message"), root.path("error"), root.path("detail"));
        if (message == null && !root.path("detail").isMissingNode()) {
            message = root.path("detail").toString();
        }
        if (message == null) {
            message =
                    new String(body, 0, Math.min(body.length, 200), StandardCharsets.UTF_8).strip();
        }
        String param = firstText(error.path("param"));
        return new ErrorInfo(
                code(status, error),
                "the remote server answered " + status + ": " + shortened(message),
                param == null || param.startsWith("body") ? param : "body." + param);
    }

    private static JsonNode parse(byte[] body) {
        try {
            JsonNode root = JSON.readTree(body);
            return root == null ? JSON.missingNode() : root;
        } catch (IOException e) {
            return JSON.missingNode();
        }
    }

    /**
     * The server's own code where it is a word (some repeat the status there), else one that fits
     * the status.
     */
    private static String code(int status, JsonNode error) {
        String code = firstText(error.path("code"));
        if (code != null && !code.matches("[0-9]*")) {
            return code;
        }
        return switch (status) {
            case 404 -> "not_found";
            case 429 -> "rate_limit_exceeded";
            default -> status >= 500 ? "server_error" : "invalid_request";
        };
    }

    private static String firstText(JsonNode... candidates) {
        for (JsonNode candidate : candidates) {
            if (candidate.isTextual() && !candidate.textValue().isBlank()) {
                return candidate.textValue();
            }
        }
        return null;
    }

    private static String shortened(String message) {
        return message.length() <= MAX_MESSAGE_CHARS
                ? message
                : message.substring(0, MAX_MESSAGE_CHARS) + "…";
    }
}
