package dev.millrace.ops.http;

import static dev.millrace.ops.http.Replies.TEXT;

import dev.millrace.ops.http.Replies.Reply;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import java.net.InetSocketAddress;
import java.util.function.Supplier;

/**
 * What every role has: {@code /healthz} answers while the process lives, {@code /readyz} says 503
 * with the reason until every role works, {@code /metrics} is Prometheus text.
 */
public final class HealthPages {
    private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";
    private static final String ELSEWHERE = "not found; there are /metrics, /healthz and /readyz\n";

    private HealthPages() {}

    /** Opens a port that has these pages only. */
    public static HttpPort open(
            InetSocketAddress bind, PrometheusMeterRegistry metrics, Supplier<String> notReady) {
        return mount(new HttpPort(bind), metrics, notReady);
    }

    /**
     * Mounts the pages, and a hint at the root that another handler may replace.
     *
     * @param notReady why the process is not ready, or null when it is
     */
    public static HttpPort mount(
            HttpPort port, PrometheusMeterRegistry metrics, Supplier<String> notReady) {
        return port.mount("/", exchange -> Replies.send(exchange, new Reply(404, TEXT, ELSEWHERE)))
                .mount("/healthz", Replies.page("/healthz", () -> new Reply(200, TEXT, "alive\n")))
                .mount("/readyz", Replies.page("/readyz", () -> readiness(notReady.get())))
                .mount(
                        "/metrics",
                        Replies.page(
                                "/metrics", () -> new Reply(200, PROMETHEUS, metrics.scrape())));
    }

    private static Reply readiness(String reason) {
        return reason == null
                ? new Reply(200, TEXT, "ready\n")
                : new Reply(503, TEXT, reason + "\n");
    }
}
