package dev.millrace.ops.cli;

import dev.millrace.ops.console.OpsPages;
import dev.millrace.ops.console.OpsService;
import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.schemas.Topics;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.Callable;

/** {@code millrace ops}: the status page and true lag for Prometheus. */
@Command(
        name = "ops",
        description = {
            "Serves the status page and measures true lag: for people at /, for Prometheus at"
                    + " /metrics, for programs at",
            "/api/status and in the topic lag. One is enough for an installation. Ctrl-C stops."
        })
public final class OpsCommand implements Callable<Integer> {
    @Option(
            names = "--http-host",
            paramLabel = "HOST",
            defaultValue = "127.0.0.1",
            description =
                    "Address of the page (default ${DEFAULT-VALUE}). It only reads and shows no"
                            + " prompts, and has no password: keep it inside.")
    String httpHost;

    @Option(
            names = "--http-port",
            paramLabel = "N",
            defaultValue = "8090",
            description = "Its port; 0 takes a free one (default ${DEFAULT-VALUE}).")
    int httpPort;

    @Option(
            names = "--pool",
            paramLabel = "NAME",
            defaultValue = Topics.DEFAULT_POOL,
            description = "The pool whose workers and lag are shown (default ${DEFAULT-VALUE}).")
    String pool;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        Map<String, Object> client = connection.requireAll();
        PrintWriter out = spec.commandLine().getOut();
        PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        Shutdown shutdown = Shutdown.onSignal();
        try (OpsService service =
                        new OpsService(client, pool, metrics, InstantSource.system()).start();
                HttpPort port =
                        HealthPages.open(
                                new InetSocketAddress(httpHost, httpPort),
                                metrics,
                                service::problem)) {
            OpsPages.mount(port, service);
            out.println("status page at " + port.url() + "/, metrics at /metrics; Ctrl-C stops");
            out.flush();
            shutdown.awaitOr(service::awaitClosed);
        } finally {
            shutdown.done();
        }
        return 0;
    }
}
