package dev.millrace.it.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ingest.IngestMetrics;
import dev.millrace.it.Repository;
import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.ops.lag.LagMetrics;
import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagSnapshot.Amount;
import dev.millrace.ops.lag.LagSnapshot.PartitionView;
import dev.millrace.ops.lag.LagSnapshot.TopicView;
import dev.millrace.sink.topology.SinkMetrics;
import dev.millrace.worker.WorkerConfig;
import dev.millrace.worker.WorkerMetrics;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Metrics, rules and a scrape, judged by Prometheus' own programs. */
class PrometheusIT {
    private static final Path DEPLOY = Repository.root().resolve("ops/deploy/prometheus");
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir Path dir;

    @Test
    void theRulesAreRightAndDoWhatTheirTestsSay() throws Exception {
        require("promtool");
        assertEquals(0, promtool("check", "rules", "alerts.yml"));
        assertEquals(0, promtool("test", "rules", "alerts_test.yml"));
        Path wrong = dir.resolve("alerts.yml");
        String rules = Files.readString(DEPLOY.resolve("alerts.yml"));
        Files.writeString(wrong, rules.replace("> 86400", "> 999999"));
        Path test = dir.resolve("alerts_test.yml");
        Files.copy(DEPLOY.resolve("alerts_test.yml"), test);
        assertNotEquals(0, promtool("test", "rules", test.toString()), "the tests cannot fail");
    }

    @Test
    void theMetricsAreCleanAndAServerScrapesThem() throws Exception {
        require("promtool");
        require("prometheus");
        PrometheusMeterRegistry registry = registry();
        Path scrape = dir.resolve("metrics.txt");
        Files.writeString(scrape, registry.scrape());
        ProcessBuilder check = new ProcessBuilder("promtool", "check", "metrics");
        Path said = dir.resolve("check.txt");
        check.redirectInput(scrape.toFile()).redirectErrorStream(true);
        assertEquals(0, run(check, said), Files.readString(said));
        assertEquals("", Files.readString(said).strip());
        try (HttpPort port =
                HealthPages.open(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        registry,
                        () -> null)) {
            int prometheus = freePort();
            Process server = startPrometheus(port, prometheus);
            try {
                String answer =
                        awaitSample(prometheus, "sum(millrace_lag_records{topic=\"prompts\"})");
                assertTrue(answer.contains("\"41\""), answer);
            } finally {
                server.destroy();
                server.waitFor(20, TimeUnit.SECONDS);
            }
        }
    }

    private Process startPrometheus(HttpPort target, int port) throws IOException {
        Path config = dir.resolve("prometheus.yml");
        Files.writeString(
                config,
                """
                global: {scrape_interval: 1s, evaluation_interval: 1s}
                rule_files: ["%s"]
                scrape_configs:
                  - {job_name: millrace, static_configs: [{targets: ["%s"]}]}
                """
                        .formatted(
                                DEPLOY.resolve("alerts.yml"),
                                URI.create(target.url()).getAuthority()));
        return new ProcessBuilder(
                        "prometheus",
                        "--config.file=" + config,
                        "--storage.tsdb.path=" + dir.resolve("tsdb"),
                        "--web.listen-address=127.0.0.1:" + port)
                .redirectErrorStream(true)
                .redirectOutput(dir.resolve("prometheus.log").toFile())
                .start();
    }

    private static String awaitSample(int port, String query) throws InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(
                                URI.create(
                                        "http://127.0.0.1:"
                                                + port
                                                + "/api/v1/query?query="
                                                + URLEncoder.encode(query, StandardCharsets.UTF_8)))
                        .timeout(Duration.ofSeconds(5))
                        .build();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        String last = "no answer";
        try (HttpClient client = HttpClient.newHttpClient()) {
            while (System.nanoTime() < deadline) {
                try {
                    last = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
                    if (last.contains("\"value\"")) {
                        return last;
                    }
                } catch (IOException e) {
                    last = e.toString();
                }
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
            }
        }
        throw new AssertionError("Prometheus has no sample of " + query + ": " + last);
    }

    private static PrometheusMeterRegistry registry() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        new IngestMetrics(registry);
        new SinkMetrics(registry);
        Map<String, Object> client =
                Map.of("bootstrap.servers", "h:1", "schema.registry.url", "mock://m");
        new WorkerMetrics(registry, WorkerConfig.defaults("w", "default", "cpu", client));
        Amount some = new Amount(41, 80, OptionalDouble.of(3), Instant.EPOCH);
        TopicView topic =
                new TopicView(
                        "prompts",
                        "g",
                        some,
                        0,
                        Map.of("t", some),
                        List.of(new PartitionView(0, 41, 0)));
        new LagMetrics(registry, InstantSource.system())
                .show(new LagSnapshot(Instant.EPOCH, "p", List.of(topic), Map.of()));
        return registry;
    }

    private int promtool(String... args) throws Exception {
        String[] command = new String[args.length + 1];
        command[0] = "promtool";
        System.arraycopy(args, 0, command, 1, args.length);
        return run(
                new ProcessBuilder(command).directory(DEPLOY.toFile()).redirectErrorStream(true),
                dir.resolve("promtool.txt"));
    }

    private static int run(ProcessBuilder builder, Path output) throws Exception {
        Process process = builder.redirectOutput(output.toFile()).start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "no end: " + builder.command());
        return process.exitValue();
    }

    private static void require(String program) {
        boolean there =
                List.of(System.getenv("PATH").split(":")).stream()
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
        Assumptions.assumeTrue(
                there,
                "NOT TESTED: no " + program + " on the PATH (Debian: apt-get install prometheus)");
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
