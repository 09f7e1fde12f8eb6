package dev.millrace.ops.http;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/** Small answers that are made whole before they are sent. */
public final class Replies {
    public static final String TEXT = "text/plain; charset=utf-8";

    private Replies() {}

    /** An answer. */
    public record Reply(int status, String type, String body) {}

    /**
     * A page that is read with GET or HEAD; other methods get 405, other paths than its own 404.
     *
     * @param path the page's own path
     */
    public static HttpHandler page(String path, Supplier<Reply> page) {
        return exchange -> {
            String method = exchange.getRequestMethod();
            if (!exchange.getRequestURI().getPath().equals(path)) {
                send(exchange, new Reply(404, TEXT, "not found\n"));
            } else if (method.equals("GET") || method.equals("HEAD")) {
                send(exchange, page.get());
            } else {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                boolean asks = method.equals("OPTIONS");
                send(
                        exchange,
                        new Reply(asks ? 200 : 405, TEXT, asks ? "" : "method not allowed\n"));
            }
        };
    }

    /** Sends an answer, its headers only for HEAD, and ends the exchange. */
    public static void send(HttpExchange exchange, Reply reply) throws IOException {
        try (exchange) {
            byte[] bytes = reply.body().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", reply.type());
            boolean head = exchange.getRequestMethod().equals("HEAD");
            if (head) {
                exchange.getResponseHeaders().set("Content-Length", "" + bytes.length);
            }
            exchange.sendResponseHeaders(
                    reply.status(), head || bytes.length == 0 ? -1 : bytes.length);
            if (!head) {
                exchange.getResponseBody().write(bytes);
            }
        }
    }
}
