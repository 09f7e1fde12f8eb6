package dev.millrace.ops.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * One request, taken apart.
 *
 * @param method upper case
 * @param path decoded segments
 * @param query decoded parameters
 * @param body as it came; empty for none
 */
record RegistryRequest(String method, List<String> path, Map<String, String> query, String body) {
    private static final ObjectMapper JSON = new ObjectMapper();

    static RegistryRequest of(String method, URI uri, String body) {
        List<String> path = new ArrayList<>();
        for (String segment : uri.getRawPath().split("/")) {
            if (!segment.isEmpty()) {
                path.add(decode(segment.replace("+", "%2B"))); // A plus is a space in queries only.
            }
        }
        Map<String, String> query = new HashMap<>();
        if (uri.getRawQuery() != null) {
            for (String pair : uri.getRawQuery().split("&")) {
                int equals = pair.indexOf('=');
                query.put(
                        decode(equals < 0 ? pair : pair.substring(0, equals)),
                        equals < 0 ? "" : decode(pair.substring(equals + 1)));
            }
        }
        return new RegistryRequest(method, path, query, body);
    }

    private static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw ApiException.badRequest("bad escape in " + text);
        }
    }

    /** True if the path has this shape; {@code *} stands for any one segment. */
    boolean is(String... shape) {
        if (path.size() != shape.length) {
            return false;
        }
        for (int i = 0; i < shape.length; i++) {
            if (!shape[i].equals("*") && !shape[i].equals(path.get(i))) {
                return false;
            }
        }
        return true;
    }

    /** A path segment that is a subject. */
    String subject(int segment) {
        String subject = path.get(segment);
        if (subject.startsWith(":")) {
            throw ApiException.invalidSubject(subject);
        }
        return subject;
    }

    /** A query parameter that is true or false; false if absent. */
    boolean flag(String name) {
        return switch (query.getOrDefault(name, "false")) {
            case "true" -> true;
            case "false" -> false;
            default ->
                    throw ApiException.badRequest(
                            name + "=" + query.get(name) + " is neither true nor false");
        };
    }

    /** The body as a JSON object with no members but these; others may only be null or empty. */
    JsonNode object(Set<String> understood) {
        JsonNode node;
        try {
            node = JSON.readTree(body);
        } catch (JsonProcessingException e) {
            throw ApiException.badRequest("the body is no JSON: " + e.getOriginalMessage());
        }
        if (node == null || !node.isObject()) {
            throw ApiException.unprocessable("the body is no JSON object");
        }
        node.properties()
                .forEach(
                        member -> {
                            JsonNode value = member.getValue();
                            boolean empty =
                                    value.isNull() || value.isContainerNode() && value.isEmpty();
                            if (!empty && !understood.contains(member.getKey())) {
                                throw ApiException.unprocessable(
                                        "'"
                                                + member.getKey()
                                                + "' is not supported by this registry");
                            }
                        });
        return node;
    }
}
