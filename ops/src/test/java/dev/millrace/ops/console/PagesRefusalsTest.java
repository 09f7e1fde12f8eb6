package dev.millrace.ops.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.ops.http.Oversized;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.junit.jupiter.api.Test;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;

/** What the status page, its data and the pages that every role has refuse, page by page. */
class PagesRefusalsTest {
    private static final List<String> PAGES =
            List.of("/", "/ops.css", "/ops.js", "/api/status", "/healthz", "/readyz", "/metrics");
    private static final Map<String, Object> NOWHERE =
            Map.of("bootstrap.servers", "127.0.0.1:1", "schema.registry.url", "mock://pages");

    @Test
    void pagesOnlyReadAndAreOnlyWhereTheyAre() throws Exception {
        PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        try (OpsService service =
                        new OpsService(NOWHERE, "default", metrics, InstantSource.system());
                HttpPort port = HealthPages.open(any, metrics, () -> null);
                HttpClient client = HttpClient.newHttpClient()) {
            OpsPages.mount(port, service);
            for (String page : PAGES) {
                assertEquals(200, send(client, "GET", port.url() + page).statusCode(), page);
                for (String method : List.of("POST", "PUT", "PATCH", "DELETE")) {
                    HttpResponse<String> reply = send(client, method, port.url() + page);
                    assertEquals(405, reply.statusCode(), method + " " + page);
                    assertEquals("GET, HEAD", reply.headers().firstValue("Allow").orElse(null));
                }
                String below = page.equals("/") ? "/nothing" : page + "/more";
                assertEquals(404, send(client, "GET", port.url() + below).statusCode(), below);
                Oversized.assertRefused(port.url(), "GET", page, "");
            }
            for (String path : List.of("/..%2f..%2fetc/passwd", "/%2e%2e/ops.js", "/ops.js%00")) {
                int status = send(client, "GET", port.url() + path).statusCode();
                assertTrue(status == 404 || status == 400, path + ": " + status);
            }
        }
    }

    /** With a body that nobody asked for, where the method can have one. */
    private static HttpResponse<String> send(HttpClient client, String method, String url)
            throws Exception {
        HttpRequest.BodyPublisher body =
                method.equals("GET")
                        ? BodyPublishers.noBody()
                        : BodyPublishers.ofString("x".repeat(10_000));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).method(method, body).build();
        return client.send(request, BodyHandlers.ofString());
    }
}
