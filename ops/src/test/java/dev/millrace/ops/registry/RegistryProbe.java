package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Plain HTTP to a registry, without our own client between: what a foreign client sees. */
public final class RegistryProbe implements AutoCloseable {
    /** The type of requests and answers. */
    public static final String TYPE = "application/vnd.schemaregistry.v1+json";
    /** A server that never answers fails the test instead of hanging it. */
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(60);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String url;
    private final String authorization;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** One answer; {@code body} is missing if it is no JSON. */
    public record Answer(int status, String type, JsonNode body) {
        /** The error code, 0 if there is none. */
        public int code() {
            return body.path("error_code").asInt();
        }
    }

    /** Without credentials. */
    public RegistryProbe(String url) {
        this(url, null);
    }

    /** With an Authorization header, or null. */
    public RegistryProbe(String url, String authorization) {
        this.url = url;
        this.authorization = authorization;
    }

    /** GET. */
    public Answer get(String path) {
        return send("GET", path, null, TYPE);
    }

    /** DELETE. */
    public Answer delete(String path) {
        return send("DELETE", path, null, TYPE);
    }

    /** PUT of JSON text. */
    public Answer put(String path, String body) {
        return send("PUT", path, body, TYPE);
    }

    /** POST of {"schema": text}. */
    public Answer post(String path, String schema) {
        return send("POST", path, JsonNodeFactory.instance.objectNode().put("schema", schema).toString(),
                TYPE);
    }

    /** Any request. */
    public Answer send(String method, String path, String body, String type) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path)).header("Accept", TYPE)
                .timeout(ANSWER_WITHIN);
        if (authorization != null) {
            request.header("Authorization", authorization);
        }
        if (body != null) {
            request.header("Content-Type", type);
        }
        var publisher = body == null ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.ofString(body);
        try {
            HttpResponse<String> response = http.send(request.method(method, publisher).build(),
                    HttpResponse.BodyHandlers.ofString());
            return new Answer(response.statusCode(), response.headers().firstValue("Content-Type")
                    .orElse(""), parse(response.body()));
        } catch (IOException e) {
            throw new AssertionError(method + " " + url + path, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private static JsonNode parse(String body) {
        try {
            return JSON.readTree(body);
        } catch (IOException e) {
            return JSON.missingNode();
        }
    }

    @Override
    public void close() {
        http.close();
    }
}
