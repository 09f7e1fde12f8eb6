package dev.millrace.ops.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.http.Replies.Reply;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

class HttpPortTest {
    private static final InetSocketAddress ANY =
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private volatile String notReady;
    private final PrometheusMeterRegistry metrics =
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final HttpPort port = HealthPages.open(ANY, metrics, () -> notReady);
    private final HttpClient client = HttpClient.newHttpClient();

    @AfterEach
    void close() {
        client.close();
        port.close();
    }

    @Test
    void readinessSaysWhyNot() throws Exception {
        assertEquals(200, send("GET", "/readyz").statusCode());
        notReady = "worker is STARTING";
        HttpResponse<String> reply = send("GET", "/readyz");
        assertEquals(503, reply.statusCode());
        assertEquals("worker is STARTING\n", reply.body());
        assertEquals("alive\n", send("GET", "/healthz").body());
    }

    @Test
    void metricsAreTheRegistrysText() throws Exception {
        metrics.counter("millrace_things").increment();
        assertTrue(send("GET", "/metrics").body().contains("millrace_things_total 1.0"));
    }

    @Test
    void aLongerPathWinsAndTheRootCanBeReplaced() throws Exception {
        assertEquals(404, send("GET", "/else").statusCode());
        port.mount("/", Replies.page("/", () -> new Reply(200, Replies.TEXT, "page\n")));
        assertEquals("page\n", send("GET", "/").body());
        assertEquals(404, send("GET", "/else").statusCode());
        assertEquals("alive\n", send("GET", "/healthz").body());
        assertEquals(404, send("GET", "/healthz/more").statusCode());
    }

    @Test
    void methodsOtherThanReadingAreRefused() throws Exception {
        HttpResponse<String> reply = send("POST", "/metrics");
        assertEquals(405, reply.statusCode());
        assertEquals("GET, HEAD", reply.headers().firstValue("Allow").orElse(null));
        assertEquals("", send("HEAD", "/healthz").body());
        assertEquals(200, send("OPTIONS", "/healthz").statusCode());
    }

    @Test
    void aTakenPortIsNamed() {
        int taken = URI.create(port.url()).getPort();
        InetSocketAddress same = new InetSocketAddress(InetAddress.getLoopbackAddress(), taken);
        String message =
                assertThrows(IllegalStateException.class, () -> new HttpPort(same)).getMessage();
        assertTrue(message.contains("port " + taken), message);
    }

    private HttpResponse<String> send(String method, String path) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(port.url() + path))
                        .method(method, BodyPublishers.noBody())
                        .build();
        return client.send(request, BodyHandlers.ofString());
    }
}
