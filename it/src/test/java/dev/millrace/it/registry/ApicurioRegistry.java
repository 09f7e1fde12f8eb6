package dev.millrace.it.registry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * A real Apicurio Registry, as its project ships it, in a process of its own: started for the first test that
 * has one as a constructor parameter, stopped after the last. It keeps everything in memory.
 */
final class ApicurioRegistry implements AutoCloseable {
    private static final long START_SECONDS_MAX = 180; // 5 s on an idle machine; builds run on busy ones.

    private final Process process;
    private final int port;

    private ApicurioRegistry(Path home) throws IOException {
        port = freePort();
        int managementPort = freePort();
        Path log = home.resolveSibling("apicurio.log");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        process = new ProcessBuilder(List.of(java, "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                "-Dquarkus.http.host=127.0.0.1", "-Dquarkus.http.port=" + port,
                "-Dquarkus.management.host=127.0.0.1", "-Dquarkus.management.port=" + managementPort,
                "-Dapicurio.rules.global.compatibility=BACKWARD", "-jar",
                home.resolve("quarkus-run.jar").toString()))
                .directory(home.toFile()).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        awaitReady(URI.create("http://127.0.0.1:" + managementPort + "/health/ready"), log);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /**
     * Asks until the server says it is ready; a process that has died, or takes too long, is reported with
     * its last words.
     */
    private void awaitReady(URI ready, Path log) throws IOException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS_MAX);
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpRequest ask = HttpRequest.newBuilder(ready).timeout(Duration.ofSeconds(5)).build();
            while (!isReady(http, ask)) {
                // Waiting for the process to end is the pause between two questions.
                if (process.waitFor(200, TimeUnit.MILLISECONDS) || System.nanoTime() > deadline) {
                    List<String> lines = Files.readAllLines(log);
                    process.destroyForcibly();
                    throw new IllegalStateException("Apicurio Registry did not get ready in "
                            + START_SECONDS_MAX + " s:\n"
                            + String.join("\n", lines.subList(Math.max(0, lines.size() - 20), lines.size())));
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
            throw new IllegalStateException(e);
        }
    }

    private static boolean isReady(HttpClient http, HttpRequest ask) throws InterruptedException {
        try {
            return http.send(ask, BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false; // Nobody listens yet.
        }
    }

    /** Base URL of its Confluent-compatible API. */
    String url() {
        return "http://127.0.0.1:" + port + "/apis/ccompat/v7";
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }

    /** Gives tests the one registry of this run. */
    static final class Extension implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == ApicurioRegistry.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            Assumptions.assumeFalse(Boolean.getBoolean("apicurio.skip"),
                    "NOT TESTED against Apicurio Registry: apicurio.skip=true");
            var store = context.getRoot().getStore(ExtensionContext.Namespace.create(ApicurioRegistry.class));
            return store.computeIfAbsent(ApicurioRegistry.class, k -> start(), ApicurioRegistry.class);
        }

        private static ApicurioRegistry start() {
            Path home = Path.of(System.getProperty("apicurio.home", "target/apicurio")).toAbsolutePath();
            if (!Files.exists(home.resolve("quarkus-run.jar"))) {
                throw new IllegalStateException("no Apicurio Registry in " + home
                        + ": the build unpacks it (see it/pom.xml), or set apicurio.skip=true");
            }
            try {
                return new ApicurioRegistry(home);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
