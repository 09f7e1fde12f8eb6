package dev.millrace.ops.cli;

import dev.millrace.ops.gateway.Gateway;
import dev.millrace.ops.gateway.GatewayConfig;
import dev.millrace.ops.gateway.KeyFile;
import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** {@code millrace gateway}: OpenAI's Batch API in front of one's own Kafka. */
@Command(
        name = "gateway",
        description = {
            "OpenAI's Batch API over HTTP: files, batches and models under /v1, for the official"
                    + " clients as they are.",
            "Every request needs a key; '@|bold gateway add-key|@' makes one. Ctrl-C stops; what"
                + " was under way goes on at the",
            "next start."
        })
public final class GatewayCommand implements Callable<Integer> {
    @Option(
            names = "--keys",
            paramLabel = "FILE",
            description = "The tenants' keys, hashed. Read again when it changes.")
    Path keys;

    @Option(
            names = "--http-host",
            paramLabel = "HOST",
            defaultValue = "127.0.0.1",
            description = "Address to listen on (default ${DEFAULT-VALUE}).")
    String httpHost;

    @Option(
            names = "--http-port",
            paramLabel = "N",
            defaultValue = "8080",
            description =
                    "Port of /v1, /metrics, /healthz and /readyz; 0 takes a free one (default"
                            + " ${DEFAULT-VALUE}).")
    int httpPort;

    @Option(
            names = "--files",
            paramLabel = "DIR",
            description =
                    "Where files and batch records are kept, for this gateway alone (default:"
                            + " .millrace/gateway in the checkout).")
    Path files;

    @Option(
            names = "--max-file-gb",
            paramLabel = "N",
            defaultValue = "1024",
            description = "Largest upload in GiB (default ${DEFAULT-VALUE}).")
    int maxFileGb;

    @Option(
            names = "--file-ttl-days",
            paramLabel = "N",
            description = "Delete files after so many days unless they say otherwise.")
    Integer fileTtlDays;

    @Mixin ConnectionOptions connection;

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        if (keys == null) {
            throw CliFailure.usage(
                    "--keys FILE is missing; 'millrace gateway add-key TENANT --keys FILE' makes"
                        + " one");
        }
        KeyFile keyFile = openKeys();
        GatewayConfig config = config();
        PrintWriter out = spec.commandLine().getOut();
        Shutdown shutdown = Shutdown.onSignal();
        PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        CountDownLatch never = new CountDownLatch(1);
        try (Gateway gateway = new Gateway(config, keyFile, metrics, InstantSource.system());
                HttpPort http =
                        HealthPages.open(
                                new InetSocketAddress(httpHost, httpPort),
                                metrics,
                                gateway::notReady)) {
            gateway.start(http);
            out.println("Batch API at " + http.url() + "/v1; Ctrl-C stops");
            out.flush();
            shutdown.awaitOr(time -> never.await(time.toMillis(), TimeUnit.MILLISECONDS));
            return 0;
        } finally {
            shutdown.done();
        }
    }

    private KeyFile openKeys() {
        try {
            return new KeyFile(keys);
        } catch (IllegalArgumentException | UncheckedIOException e) {
            throw CliFailure.usage("--keys: " + CliFailure.describe(e));
        }
    }

    private GatewayConfig config() {
        try {
            Path dir = files == null ? Home.data().resolve("gateway") : files;
            GatewayConfig defaults = GatewayConfig.defaults(dir, connection.requireAll());
            return defaults.withLimits(
                    (long) maxFileGb << 30,
                    defaults.stallTimeout(),
                    fileTtlDays == null ? null : Duration.ofDays(fileTtlDays));
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        }
    }

    /** {@code millrace gateway add-key}. */
    @Command(
            name = "add-key",
            description =
                    "Makes a key for a tenant, adds its hash to the file and prints the key. It is"
                            + " shown only now.")
    int addKey(
            @Parameters(paramLabel = "TENANT", description = "Whose key it is.") String tenant,
            @Option(
                            names = "--keys",
                            required = true,
                            paramLabel = "FILE",
                            description = "The keys' file; made if it is missing.")
                    Path file) {
        try {
            String key = KeyFile.addKey(file, tenant, new SecureRandom());
            spec.commandLine().getOut().println(key);
            return 0;
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage(e.getMessage());
        } catch (IOException e) {
            throw CliFailure.failed("cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
