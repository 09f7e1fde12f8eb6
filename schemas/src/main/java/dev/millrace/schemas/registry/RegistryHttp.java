package dev.millrace.schemas.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.common.errors.InterruptException;

/**
 * Requests to a registry: the endpoint that answered last comes first, the others stand in; rounds with
 * growing waits between them when none answers. Thread-safe.
 */
final class RegistryHttp implements AutoCloseable {
    private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
    private static final String ACCEPT =
            CONTENT_TYPE + ", application/vnd.schemaregistry+json;q=0.9, application/json;q=0.5";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SHOWN_BODY_CHARS = 300;

    private final RegistryClientConfig config;
    private final HttpClient http;
    private volatile int preferred;

    RegistryHttp(RegistryClientConfig config) {
        this.config = config;
        // HTTP/1.1: registries gain nothing from 2, and some proxies choke on the upgrade header.
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
        if (!config.connectTimeout().isZero()) {
            builder.connectTimeout(config.connectTimeout());
        }
        if (config.proxy() != null) {
            builder.proxy(ProxySelector.of(proxyAddress(config.proxy())));
        }
        var context = config.tls().context();
        if (context != null) {
            builder.sslContext(context);
        }
        http = builder.build();
    }

    private static InetSocketAddress proxyAddress(String proxy) {
        int colon = proxy.lastIndexOf(':');
        return InetSocketAddress.createUnresolved(proxy.substring(0, colon),
                Integer.parseInt(proxy.substring(colon + 1)));
    }

    /** A path segment: subjects may hold slashes, spaces and colons. */
    static String segment(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    JsonNode get(String path) {
        return send("GET", path, null);
    }

    /** Sends {@code body} (null for none) and gives the answer's JSON. */
    JsonNode send(String method, String path, JsonNode body) {
        String failure = null;
        int lastStatus = 0;
        Throwable cause = null;
        List<RegistryClientConfig.Endpoint> endpoints = config.endpoints();
        for (int round = 0; round <= config.maxRetries(); round++) {
            if (round > 0) {
                pause(waitBefore(round));
            }
            int first = preferred;
            for (int i = 0; i < endpoints.size(); i++) {
                int index = (first + i) % endpoints.size();
                var endpoint = endpoints.get(index);
                try {
                    HttpResponse<String> response = http.send(request(endpoint, method, path, body),
                            BodyHandlers.ofString());
                    if (!isTransient(response.statusCode())) {
                        preferred = index;
                        return answer(response, method, endpoint.base() + path);
                    }
                    lastStatus = response.statusCode();
                    failure = endpoint + " answered " + describe(response);
                    cause = null;
                } catch (IOException e) {
                    failure = endpoint + ": "
                            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
                    cause = e;
                } catch (InterruptedException e) {
                    throw new InterruptException("interrupted while waiting for the schema registry "
                            + endpoint, e);
                }
            }
        }
        throw new RegistryUnavailableException("schema registry " + endpoints + " gave no answer to "
                + method + " " + path
                + " in " + (config.maxRetries() + 1) + " rounds; last: " + failure, lastStatus, cause);
    }

    private HttpRequest request(RegistryClientConfig.Endpoint endpoint, String method, String path,
            JsonNode body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(endpoint.base() + path))
                .header("Accept", ACCEPT);
        if (!config.readTimeout().isZero()) {
            request.timeout(config.readTimeout());
        }
        if (endpoint.authorization() != null) {
            request.header("Authorization", endpoint.authorization());
        }
        config.headers().forEach(request::setHeader);
        if (body == null) {
            return request.method(method, HttpRequest.BodyPublishers.noBody()).build();
        }
        return request.header("Content-Type", CONTENT_TYPE)
                .method(method, HttpRequest.BodyPublishers.ofString(body.toString())).build();
    }

    private static boolean isTransient(int status) {
        return status >= 500 && status != 501 || status == 429 || status == 408;
    }

    private static JsonNode answer(HttpResponse<String> response, String method, String url) {
        if (response.statusCode() / 100 != 2) {
            throw new RegistryException("schema registry: " + method + " " + url + " answered "
                    + describe(response), code(response));
        }
        try {
            return JSON.readTree(response.body());
        } catch (JsonProcessingException e) {
            throw new RegistryException("schema registry: " + method + " " + url + " answered "
                    + response.statusCode()
                    + " with something that is no JSON: is this a schema registry?", response.statusCode(),
                    e);
        }
    }

    private static int code(HttpResponse<String> response) {
        return errorBody(response).path("error_code").asInt(response.statusCode());
    }

    private static String describe(HttpResponse<String> response) {
        JsonNode error = errorBody(response);
        if (error.has("error_code")) {
            return response.statusCode() + ", error_code " + error.path("error_code").asText() + ": "
                    + error.path("message").asText();
        }
        String body = response.body().strip();
        return response.statusCode()
                + (body.isEmpty() ? "" : ": " + body.substring(0, Math.min(SHOWN_BODY_CHARS, body.length())));
    }

    private static JsonNode errorBody(HttpResponse<String> response) {
        try {
            JsonNode body = JSON.readTree(response.body());
            return body == null ? JSON.nullNode() : body;
        } catch (JsonProcessingException e) {
            return JSON.nullNode(); // A proxy's HTML page, say: the status has to do.
        }
    }

    private Duration waitBefore(int round) {
        long factor = 1L << Math.min(round - 1, 30);
        Duration wait = config.retryWait().multipliedBy(factor);
        return wait.compareTo(config.maxRetryWait()) < 0 ? wait : config.maxRetryWait();
    }

    private static void pause(Duration wait) {
        long deadline = System.nanoTime() + wait.toNanos();
        for (long left = wait.toNanos(); left > 0; left = deadline - System.nanoTime()) {
            LockSupport.parkNanos(left);
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptException("interrupted while waiting to ask the schema registry again");
            }
        }
    }

    @Override
    public void close() {
        http.shutdownNow();
        http.close();
    }
}
