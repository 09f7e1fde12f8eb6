package dev.millrace.it.logs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * An engine's server whose errors repeat what they should not: the prompt, and the key. It fails
 * once, then refuses, and knows no key any more from the third request on.
 */
final class EchoingServer implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpServer server;
    private final AtomicInteger requests = new AtomicInteger();

    EchoingServer(String model) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/v1/models",
                exchange -> {
                    exchange.getRequestBody().readAllBytes();
                    send(exchange, 200, "{\"data\":[{\"id\":\"" + model + "\"}]}");
                });
        server.createContext("/v1/chat/completions", this::fail);
        server.start();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1");
    }

    private void fail(HttpExchange exchange) throws IOException {
        JsonNode request = JSON.readTree(exchange.getRequestBody().readAllBytes());
        String prompt = request.at("/messages/0/content").asText();
        String key = exchange.getRequestHeaders().getFirst("Authorization");
        int status =
                switch (requests.incrementAndGet()) {
                    case 1 -> 500;
                    case 2 -> 400;
                    default -> 401;
                };
        String message = status == 401 ? "Incorrect API key: " + key : "cannot do: " + prompt;
        send(exchange, status, JSON.writeValueAsString(Map.of("message", message)));
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        try (exchange) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
