package dev.millrace.ops.gateway;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** One request and its answer. */
final class Call {
    private static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build();
    private static final int JSON_BYTES_MAX = 1 << 20;
    private static final int IDEMPOTENCY_KEY_CHARS_MAX = 255;
    private static final int COPY_BYTES = 1 << 16;

    /** A refused body is read on for so long, or the client would not see why it was refused. */
    private static final int DRAIN_BYTES_MAX = 16 << 20;

    private final HttpExchange exchange;
    private final StallGuard guard;
    private final List<String> path;
    private String tenant;
    private boolean answered;

    /**
     * @param path decoded segments behind {@code /v1}
     */
    Call(HttpExchange exchange, StallGuard guard, List<String> path) {
        this.exchange = exchange;
        this.guard = guard;
        this.path = path;
    }

    String method() {
        return exchange.getRequestMethod();
    }

    List<String> path() {
        return path;
    }

    String tenant() {
        return tenant;
    }

    void setTenant(String name) {
        tenant = name;
    }

    String header(String name) {
        return exchange.getRequestHeaders().getFirst(name);
    }

    void setHeader(String name, String value) {
        exchange.getResponseHeaders().set(name, value);
    }

    /** Whether headers of an answer have been sent. */
    boolean isAnswered() {
        return answered;
    }

    /** Decoded query parameters; {@link ApiFailure} when one is given twice. */
    Map<String, String> query() {
        Map<String, String> query = new HashMap<>();
        String raw = exchange.getRequestURI().getRawQuery();
        if (raw == null || raw.isEmpty()) {
            return query;
        }
        for (String pair : raw.split("&")) {
            int equals = pair.indexOf('=');
            String name = decode(equals < 0 ? pair : pair.substring(0, equals));
            String value = equals < 0 ? "" : decode(pair.substring(equals + 1));
            if (query.put(name, value) != null) {
                throw ApiFailure.badRequest(
                        name, "invalid_value", "'" + name + "' is given twice.");
            }
        }
        return query;
    }

    private static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw ApiFailure.badRequest(null, "invalid_url", "The URL holds a bad escape.");
        }
    }

    /** The request's idempotency key, or null. */
    String idempotencyKey() {
        String key = header("Idempotency-Key");
        if (key != null && (key.isBlank() || key.length() > IDEMPOTENCY_KEY_CHARS_MAX)) {
            throw ApiFailure.badRequest(
                    "Idempotency-Key",
                    "invalid_value",
                    "An Idempotency-Key has 1 to " + IDEMPOTENCY_KEY_CHARS_MAX + " characters.");
        }
        return key;
    }

    /** Length that the request announces, or -1. */
    long contentLength() {
        String length = header("Content-Length");
        return length == null || !length.matches("[0-9]{1,18}") ? -1 : Long.parseLong(length);
    }

    /** The body as it comes; a client that stalls is cut off. */
    InputStream body() {
        return guard.guard(exchange.getRequestBody());
    }

    /** The body as a JSON object. */
    JsonNode jsonBody() throws IOException {
        String type = header("Content-Type");
        if (type == null || !type.toLowerCase(Locale.ROOT).startsWith("application/json")) {
            throw ApiFailure.unsupportedMedia("The Content-Type must be application/json.");
        }
        byte[] bytes = body().readNBytes(JSON_BYTES_MAX + 1);
        if (bytes.length > JSON_BYTES_MAX) {
            throw ApiFailure.tooLarge(
                    null, "The body is larger than " + JSON_BYTES_MAX + " bytes.");
        }
        JsonNode node;
        try {
            node = JSON.readTree(bytes);
        } catch (JsonProcessingException e) {
            String reason = e.getOriginalMessage().lines().findFirst().orElse("");
            throw ApiFailure.badRequest(null, "invalid_json", "The body is not JSON: " + reason);
        }
        if (!node.isObject()) {
            throw ApiFailure.badRequest(null, "invalid_json", "The body must be a JSON object.");
        }
        return node;
    }

    /** Answers with a JSON object. */
    void answer(int status, ObjectNode json) throws IOException {
        byte[] bytes = JSON.writeValueAsBytes(json);
        setHeader("Content-Type", "application/json");
        OutputStream out = start(status, bytes.length);
        out.write(bytes);
    }

    /** Answers with bytes that are passed through; for HEAD only says how many there are. */
    void answerContent(InputStream content, long length) throws IOException {
        OutputStream out = start(200, length);
        if (method().equals("HEAD")) {
            return;
        }
        byte[] buffer = new byte[COPY_BYTES];
        for (int count = content.read(buffer); count >= 0; count = content.read(buffer)) {
            out.write(buffer, 0, count);
        }
    }

    /** Answers without a body. */
    void answerEmpty(int status) throws IOException {
        start(status, 0);
    }

    private OutputStream start(int status, long length) throws IOException {
        boolean head = method().equals("HEAD");
        if (head) {
            setHeader("Content-Length", Long.toString(length));
        }
        answered = true;
        // To this server, a length of 0 means chunks and -1 means no body.
        exchange.sendResponseHeaders(status, head || length == 0 ? -1 : length);
        return head ? OutputStream.nullOutputStream() : guard.guard(exchange.getResponseBody());
    }

    /** Answers with OpenAI's error object, unless an answer has begun. */
    void fail(ApiFailure failure) throws IOException {
        if (answered) {
            return;
        }
        if (failure.status() == 503) {
            setHeader("Retry-After", "1");
        }
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.putObject("error")
                .put("message", failure.getMessage())
                .put("type", failure.type())
                .put("param", failure.param())
                .put("code", failure.code());
        answer(failure.status(), json);
        drain();
    }

    private void drain() throws IOException {
        exchange.getResponseBody().flush();
        InputStream body = body();
        byte[] buffer = new byte[COPY_BYTES];
        long drained = 0;
        int count = 0;
        while (count >= 0 && drained < DRAIN_BYTES_MAX) {
            count = body.read(buffer);
            drained += count;
        }
    }
}
