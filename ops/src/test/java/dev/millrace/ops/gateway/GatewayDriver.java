package dev.millrace.ops.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.ops.http.HttpPort;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A gateway on a port of its own, with the tenants acme and other, in front of a Kafka that does
 * not answer: requests must not need it.
 */
final class GatewayDriver implements AutoCloseable {
    static final String BOUNDARY = "xxBOUNDARYxx";
    static final int FILE_BYTES_MAX = 100_000;
    static final Duration STALL_TIMEOUT = Duration.ofMillis(400);

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Object> NOWHERE =
            Map.of(
                    "bootstrap.servers", "127.0.0.1:1",
                    "schema.registry.url", "mock://gateway-test",
                    "default.api.timeout.ms", "500",
                    "request.timeout.ms", "500",
                    "delivery.timeout.ms", "1000",
                    "linger.ms", "0",
                    "max.block.ms", "500");
    private static final Map<String, String> KEYS =
            Map.of("acme-key", "acme", "other-key", "other");

    final Path dir;
    final HttpPort port;
    private final Gateway gateway;
    private final HttpClient client = HttpClient.newHttpClient();

    GatewayDriver(Path dir) {
        this.dir = dir;
        GatewayConfig config =
                GatewayConfig.defaults(dir, NOWHERE)
                        .withLimits(FILE_BYTES_MAX, STALL_TIMEOUT, null);
        gateway =
                new Gateway(
                        config,
                        key -> Optional.ofNullable(KEYS.get(key)),
                        new SimpleMeterRegistry(),
                        InstantSource.system());
        port = new HttpPort(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        gateway.start(port);
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(port.url() + path))
                .header("Authorization", "Bearer acme-key")
                .timeout(Duration.ofSeconds(30));
    }

    HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    HttpResponse<String> send(String method, String path) throws Exception {
        return send(request(path).method(method, BodyPublishers.noBody()));
    }

    HttpResponse<String> postJson(String path, String body) throws Exception {
        return send(
                request(path)
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body)));
    }

    HttpRequest.Builder upload(BodyPublisher body) {
        return request("/v1/files")
                .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                .POST(body);
    }

    /** A file with a purpose, as a form. */
    static String form(String purpose, String content) {
        return field("purpose", purpose) + file(content) + "--" + BOUNDARY + "--\r\n";
    }

    static String field(String name, String value) {
        return "--"
                + BOUNDARY
                + "\r\nContent-Disposition: form-data; name=\""
                + name
                + "\"\r\n\r\n"
                + value
                + "\r\n";
    }

    static String file(String content) {
        return "--"
                + BOUNDARY
                + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.jsonl\"\r\n\r\n"
                + content
                + "\r\n";
    }

    /** Uploads a file that is accepted; its id. */
    String uploaded(String content) throws Exception {
        HttpResponse<String> reply = send(upload(BodyPublishers.ofString(form("batch", content))));
        assertEquals(200, reply.statusCode(), reply.body());
        return json(reply).get("id").asText();
    }

    static JsonNode json(HttpResponse<String> reply) throws IOException {
        return JSON.readTree(reply.body());
    }

    /** Checks the shape of a refusal; its error object. */
    static JsonNode refused(int status, HttpResponse<String> reply) throws IOException {
        assertEquals(status, reply.statusCode(), reply.body());
        JsonNode error = json(reply).get("error");
        assertEquals("[message, type, param, code]", names(error), reply.body());
        assertEquals("application/json", reply.headers().firstValue("Content-Type").orElse(null));
        return error;
    }

    private static String names(JsonNode node) {
        return node.properties().stream().map(Map.Entry::getKey).toList().toString();
    }

    /** Files in a folder of the store. */
    long entries(String folder) throws IOException {
        try (Stream<Path> list = Files.list(dir.resolve(folder))) {
            return list.count();
        }
    }

    @Override
    public void close() {
        client.close();
        port.close();
        gateway.close();
    }
}
