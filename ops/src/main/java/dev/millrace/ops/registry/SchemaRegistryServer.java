package dev.millrace.ops.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import dev.millrace.schemas.registry.CompatibilityLevel;
import dev.millrace.schemas.registry.RegistryClientConfig.Endpoint;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The registry as a server: HTTP, credentials, limits and error bodies; what is answered is
 * RegistryApi's business.
 */
public final class SchemaRegistryServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SchemaRegistryServer.class);
    private static final int BODY_BYTES_MAX = 4 << 20;

    /** A refused body is read on for so long, or the client would not see why it was refused. */
    private static final int DRAIN_BYTES_MAX = 16 << 20;

    private static final int BACKLOG = 0; // The system's default.
    private static final List<String> TYPES =
            List.of(
                    "application/vnd.schemaregistry.v1+json",
                    "application/vnd.schemaregistry+json",
                    "application/json");

    private final RegistryConfig config;
    private RegistryStore store;
    private RegistryApi api;
    private HttpServer server;
    private ExecutorService threads;

    /** Does nothing before {@link #start()}. */
    public SchemaRegistryServer(RegistryConfig config) {
        this.config = config;
    }

    /**
     * Reads the store and answers from now on; {@link UncheckedIOException} if the address or the
     * file cannot be used.
     */
    public synchronized SchemaRegistryServer start() {
        if (server != null) {
            throw new IllegalStateException("the registry has been started");
        }
        store =
                new RegistryStore(
                        config.storeFile(), CompatibilityLevel.of(config.defaultCompatibility()));
        api = new RegistryApi(store);
        try {
            server = HttpServer.create(config.bind(), BACKLOG);
        } catch (IOException e) {
            store.close();
            throw new UncheckedIOException(
                    "the schema registry cannot listen on " + config.bind() + ": " + e.getMessage(),
                    e);
        }
        threads = Executors.newVirtualThreadPerTaskExecutor();
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
        LOG.info("schema registry on {}", url());
        return this;
    }

    /** Where clients reach it, for {@code schema.registry.url}. */
    public synchronized String url() {
        if (server == null) {
            throw new IllegalStateException("the registry has not been started");
        }
        InetSocketAddress address = server.getAddress();
        InetAddress host =
                address.getAddress().isAnyLocalAddress()
                        ? InetAddress.getLoopbackAddress()
                        : address.getAddress();
        String name = host.getHostAddress();
        return "http://" + (name.contains(":") ? "[" + name + "]" : name) + ":" + address.getPort();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String type = TYPES.getFirst();
            try {
                authenticate(exchange);
                type = answerType(exchange);
                JsonNode answer = api.answer(request(exchange));
                send(exchange, 200, type, answer);
            } catch (ApiException e) {
                send(exchange, e.status(), type, error(e.code(), e.getMessage()));
            } catch (RuntimeException e) {
                LOG.error("{} {} failed", exchange.getRequestMethod(), exchange.getRequestURI(), e);
                send(
                        exchange,
                        500,
                        type,
                        error(50001, "Error in the backend data store: " + e.getMessage()));
            }
        }
    }

    private void authenticate(HttpExchange exchange) {
        if (config.userInfo() == null) {
            return;
        }
        String given = exchange.getRequestHeaders().getFirst("Authorization");
        byte[] wanted = Endpoint.basic(config.userInfo()).getBytes(StandardCharsets.UTF_8);
        if (given == null
                || !MessageDigest.isEqual(wanted, given.getBytes(StandardCharsets.UTF_8))) {
            exchange.getResponseHeaders()
                    .set("WWW-Authenticate", "Basic realm=\"schema registry\"");
            throw new ApiException(401, 401, "Unauthorized");
        }
    }

    private static RegistryRequest request(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
        if (body.length > BODY_BYTES_MAX) {
            exchange.getRequestBody().readNBytes(DRAIN_BYTES_MAX);
            throw new ApiException(
                    413, 413, "the body is larger than " + BODY_BYTES_MAX + " bytes");
        }
        String type = exchange.getRequestHeaders().getFirst("Content-Type");
        if (body.length > 0
                && type != null
                && !TYPES.contains(type.split(";")[0].strip())
                && !type.startsWith("application/octet-stream")) {
            throw new ApiException(415, 415, "HTTP 415 Unsupported Media Type: " + type);
        }
        return RegistryRequest.of(
                exchange.getRequestMethod(),
                exchange.getRequestURI(),
                new String(body, StandardCharsets.UTF_8));
    }

    /** The first of our types that the client takes. */
    private static String answerType(HttpExchange exchange) {
        List<String> accept = exchange.getRequestHeaders().getOrDefault("Accept", List.of("*/*"));
        String all = String.join(",", accept);
        if (all.contains("*/*") || all.contains("application/*")) {
            return TYPES.getFirst();
        }
        return TYPES.stream()
                .filter(all::contains)
                .findFirst()
                .orElseThrow(() -> new ApiException(406, 406, "HTTP 406 Not Acceptable"));
    }

    private static JsonNode error(int code, String message) {
        return RegistryApi.JSON.objectNode().put("error_code", code).put("message", message);
    }

    private static void send(HttpExchange exchange, int status, String type, JsonNode body)
            throws IOException {
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    /** Stops answering and closes the store. */
    @Override
    public synchronized void close() {
        if (server != null) {
            server.stop(0);
            threads.close();
            store.close();
            server = null;
        }
    }
}
