package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.JsonNode;

import dev.millrace.schemas.Endpoint;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a client asks for when it creates a batch.
 *
 * @param endpoint as the client wrote it
 * @param completionWindow as the client wrote it
 * @param outputTtlSeconds how long the result files are kept; null for as long as others
 */
record BatchRequest(
        String inputFileId,
        String endpoint,
        String completionWindow,
        Map<String, String> metadata,
        Long outputTtlSeconds) {
    private static final Map<String, Endpoint> ENDPOINTS =
            Map.of(
                    "/v1/chat/completions", Endpoint.CHAT_COMPLETIONS,
                    "/v1/completions", Endpoint.COMPLETIONS);
    private static final Set<String> FIELDS =
            Set.of(
                    "input_file_id",
                    "endpoint",
                    "completion_window",
                    "metadata",
                    "output_expires_after");
    private static final Pattern WINDOW = Pattern.compile("([1-9][0-9]{0,6})([smhd])");
    private static final Map<String, Long> UNIT_SECONDS =
            Map.of("s", 1L, "m", 60L, "h", 3600L, "d", 86_400L);
    private static final long WINDOW_SECONDS_MAX = Duration.ofDays(365).toSeconds();
    private static final int PAIRS_MAX = 16;
    private static final int KEY_CHARS_MAX = 64;
    private static final int VALUE_CHARS_MAX = 512;

    BatchRequest {
        metadata = Map.copyOf(metadata);
    }

    /** Reads the body of {@code POST /v1/batches}; throws {@link ApiFailure} naming the field. */
    static BatchRequest of(JsonNode body) {
        for (var member : body.properties()) {
            if (!FIELDS.contains(member.getKey())) {
                throw ApiFailure.badRequest(
                        member.getKey(),
                        "unknown_parameter",
                        "Unknown parameter: '" + member.getKey() + "'.");
            }
        }
        String endpoint = text(body, "endpoint");
        if (!ENDPOINTS.containsKey(endpoint)) {
            throw invalid(
                    "endpoint",
                    "'"
                            + endpoint
                            + "' is not served; there are /v1/chat/completions and"
                            + " /v1/completions.");
        }
        String window = text(body, "completion_window");
        windowSeconds(window);
        JsonNode expiry = body.path("output_expires_after");
        return new BatchRequest(
                text(body, "input_file_id"),
                endpoint,
                window,
                metadata(body.path("metadata")),
                absent(expiry) ? null : ttlSeconds(expiry));
    }

    /** The endpoint as the contracts name it. */
    Endpoint contractEndpoint() {
        return ENDPOINTS.get(endpoint);
    }

    /** How long the batch may take. */
    long windowSeconds() {
        return windowSeconds(completionWindow);
    }

    private static long windowSeconds(String window) {
        Matcher matcher = WINDOW.matcher(window);
        long seconds =
                matcher.matches()
                        ? Long.parseLong(matcher.group(1)) * UNIT_SECONDS.get(matcher.group(2))
                        : 0;
        if (seconds < 1 || seconds > WINDOW_SECONDS_MAX) {
            throw invalid(
                    "completion_window",
                    "'completion_window' must be a number with s, m, h or d, such as '24h', and at"
                            + " most 365d.");
        }
        return seconds;
    }

    private static Map<String, String> metadata(JsonNode node) {
        Map<String, String> pairs = new TreeMap<>();
        if (absent(node)) {
            return pairs;
        }
        if (!node.isObject()) {
            throw invalid("metadata", "'metadata' must be an object of strings.");
        }
        for (var pair : node.properties()) {
            if (!pair.getValue().isTextual()) {
                throw invalid(
                        "metadata",
                        "The value of 'metadata." + pair.getKey() + "' must be a string.");
            }
            pairs.put(pair.getKey(), pair.getValue().textValue());
            if (pair.getKey().length() > KEY_CHARS_MAX
                    || pair.getValue().textValue().length() > VALUE_CHARS_MAX) {
                throw invalid(
                        "metadata",
                        "Keys of 'metadata' have at most 64 characters, and values at most 512.");
            }
        }
        if (pairs.size() > PAIRS_MAX) {
            throw invalid(
                    "metadata", "'metadata' holds at most 16 pairs, not " + pairs.size() + ".");
        }
        return pairs;
    }

    /** Seconds of an {@code {"anchor":"created_at","seconds":N}}. */
    private static long ttlSeconds(JsonNode expiry) {
        JsonNode seconds = expiry.path("seconds");
        if (!expiry.path("anchor").asText().equals("created_at") || !seconds.isIntegralNumber()) {
            throw invalid(
                    "output_expires_after",
                    "'output_expires_after' must be {\"anchor\": \"created_at\", \"seconds\": N}.");
        }
        return Expiry.checkedSeconds("output_expires_after.seconds", seconds.asText());
    }

    private static String text(JsonNode body, String name) {
        JsonNode value = body.path(name);
        if (absent(value)) {
            throw ApiFailure.badRequest(
                    name,
                    "missing_required_parameter",
                    "Missing required parameter: '" + name + "'.");
        }
        if (!value.isTextual()) {
            throw ApiFailure.badRequest(name, "invalid_type", "'" + name + "' must be a string.");
        }
        return value.textValue();
    }

    private static boolean absent(JsonNode node) {
        return node.isMissingNode() || node.isNull();
    }

    private static ApiFailure invalid(String param, String message) {
        return ApiFailure.badRequest(param, "invalid_value", message);
    }
}
