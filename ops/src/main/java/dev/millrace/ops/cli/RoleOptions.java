package dev.millrace.ops.cli;

import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import picocli.CommandLine.Option;

import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.function.Supplier;

/**
 * What every role started alone has: a place for its state and an endpoint for health and metrics.
 */
public final class RoleOptions {
    @Option(
            names = "--http-host",
            paramLabel = "HOST",
            defaultValue = "127.0.0.1",
            description = "Address of /metrics, /healthz and /readyz (default ${DEFAULT-VALUE}).")
    String httpHost;

    @Option(
            names = "--http-port",
            paramLabel = "N",
            defaultValue = "0",
            description = "Its port; 0 takes a free one (default ${DEFAULT-VALUE}).")
    int httpPort;

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            description =
                    "Folder for local state (default: .millrace/state in the checkout). Losing it"
                            + " loses no data.")
    Path stateDir;

    private PrometheusMeterRegistry metrics;

    /**
     * Made when first asked for: it makes a logger, and commands decide where those write before
     * that.
     */
    public PrometheusMeterRegistry metrics() {
        if (metrics == null) {
            metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        }
        return metrics;
    }

    public Path stateDir() {
        return stateDir == null ? Home.data().resolve("state") : stateDir;
    }

    /** Opens the endpoint and prints where it is. */
    public HttpPort serve(PrintWriter out, Supplier<String> notReady) {
        HttpPort server =
                HealthPages.open(new InetSocketAddress(httpHost, httpPort), metrics(), notReady);
        out.println("metrics at " + server.url() + "/metrics; Ctrl-C drains and stops");
        out.flush();
        return server;
    }
}
