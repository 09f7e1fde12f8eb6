package dev.millrace.ops.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * Liveness, readiness and metrics over HTTP: {@code /healthz} answers while the process lives,
 * {@code /readyz} says 503 with the reason until every role works, {@code /metrics} is Prometheus
 * text.
 */
public final class MetricsServer implements AutoCloseable {
    private static final String TEXT = "text/plain; charset=utf-8";

    private final HttpServer server;

    /**
     * @param notReady why the process is not ready, or null when it is
     */
    public MetricsServer(
            InetSocketAddress bind, PrometheusMeterRegistry metrics, Supplier<String> notReady) {
        try {
            server = HttpServer.create(bind, 0);
        } catch (IOException e) {
            throw new IllegalStateException(
                    "port "
                            + bind.getPort()
                            + " for HTTP is taken; choose another with --http-port, or 0 for any"
                            + " free one",
                    e);
        }
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext(
                "/",
                exchange ->
                        answer(
                                exchange,
                                404,
                                TEXT,
                                "not found; there are /metrics, /healthz and /readyz\n"));
        server.createContext("/healthz", exchange -> answer(exchange, 200, TEXT, "alive\n"));
        server.createContext(
                "/readyz",
                exchange -> {
                    String reason = notReady.get();
                    answer(
                            exchange,
                            reason == null ? 200 : 503,
                            TEXT,
                            (reason == null ? "ready" : reason) + "\n");
                });
        server.createContext(
                "/metrics",
                exchange ->
                        answer(
                                exchange,
                                200,
                                "text/plain; version=0.0.4; charset=utf-8",
                                metrics.scrape()));
        server.start();
    }

    public String url() {
        InetSocketAddress address = server.getAddress();
        return "http://" + address.getAddress().getHostAddress() + ":" + address.getPort();
    }

    private static void answer(HttpExchange exchange, int status, String type, String body)
            throws IOException {
        try (exchange) {
            boolean head = exchange.getRequestMethod().equals("HEAD");
            boolean read = head || exchange.getRequestMethod().equals("GET");
            byte[] bytes = (read ? body : "method not allowed\n").getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", read ? type : TEXT);
            exchange.sendResponseHeaders(read ? status : 405, head ? -1 : bytes.length);
            if (!head) {
                exchange.getResponseBody().write(bytes);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
