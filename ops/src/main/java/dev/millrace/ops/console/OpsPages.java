package dev.millrace.ops.console;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;

import dev.millrace.ops.http.HttpPort;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The status page: {@code /}, its script and style, and {@code /api/status} with its data. Nothing
 * comes from elsewhere, and a policy forbids the browser to fetch from elsewhere. All of it only
 * reads; it shows ids, counts and reasons, never prompts or answers.
 */
public final class OpsPages {
    private static final String POLICY =
            "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none';"
                    + " form-action 'none'";
    private static final String JSON = "application/json; charset=utf-8";
    private static final Map<String, String> FILES =
            Map.of(
                    "/", "index.html",
                    "/ops.css", "ops.css",
                    "/ops.js", "ops.js");
    private static final Map<String, String> TYPES =
            Map.of(
                    "html", "text/html; charset=utf-8",
                    "css", "text/css; charset=utf-8",
                    "js", "text/javascript; charset=utf-8");

    private OpsPages() {}

    /** Mounts the page and its data. */
    public static HttpPort mount(HttpPort port, OpsService service) {
        FILES.forEach(
                (path, file) -> {
                    byte[] bytes = resource(file);
                    String type = TYPES.get(file.substring(file.lastIndexOf('.') + 1));
                    port.mount(path, exchange -> answer(exchange, path, type, () -> bytes));
                });
        return port.mount(
                "/api/status",
                exchange ->
                        answer(
                                exchange,
                                "/api/status",
                                JSON,
                                () -> service.json().getBytes(StandardCharsets.UTF_8)));
    }

    private static void answer(
            HttpExchange exchange, String path, String type, Supplier<byte[]> body)
            throws IOException {
        try (exchange) {
            boolean isOwn = exchange.getRequestURI().getPath().equals(path);
            String method = exchange.getRequestMethod();
            boolean reads = method.equals("GET") || method.equals("HEAD");
            Headers headers = exchange.getResponseHeaders();
            headers.set("Content-Security-Policy", POLICY);
            headers.set("X-Content-Type-Options", "nosniff");
            headers.set("Referrer-Policy", "no-referrer");
            headers.set("Cache-Control", "no-store");
            headers.set("Content-Type", isOwn && reads ? type : "text/plain; charset=utf-8");
            if (!reads) {
                headers.set("Allow", "GET, HEAD");
            }
            int status = !reads ? 405 : isOwn ? 200 : 404;
            byte[] bytes =
                    status == 200
                            ? body.get()
                            : (status == 405 ? "method not allowed\n" : "not found\n")
                                    .getBytes(StandardCharsets.UTF_8);
            boolean head = method.equals("HEAD");
            if (head) {
                headers.set("Content-Length", Integer.toString(bytes.length));
            }
            exchange.sendResponseHeaders(status, head ? -1 : bytes.length);
            if (!head) {
                exchange.getResponseBody().write(bytes);
            }
        }
    }

    private static byte[] resource(String file) {
        try (InputStream in = OpsPages.class.getResourceAsStream("/console/" + file)) {
            if (in == null) {
                throw new IllegalStateException("the page's file " + file + " is not in the build");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
