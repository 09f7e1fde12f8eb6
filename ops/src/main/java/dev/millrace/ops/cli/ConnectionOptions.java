package dev.millrace.ops.cli;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeClusterOptions;

import picocli.CommandLine.Option;

import java.io.IOException;
import java.io.Reader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;

/** Where Kafka and the schema registry are; shared by every command that talks to them. */
public final class ConnectionOptions {
    private static final int CHECK_MS = 10_000;

    @Option(
            names = "--bootstrap",
            paramLabel = "HOST:PORT",
            defaultValue = "${env:MILLRACE_BOOTSTRAP:-127.0.0.1:9092}",
            description =
                    "Kafka brokers, comma separated (env MILLRACE_BOOTSTRAP; default"
                        + " ${DEFAULT-VALUE}).")
    String bootstrap;

    @Option(
            names = "--registry",
            paramLabel = "URL",
            defaultValue = "${env:MILLRACE_REGISTRY:-http://127.0.0.1:8081}",
            description =
                    "Schema registry with Confluent's REST API (env MILLRACE_REGISTRY; default"
                        + " ${DEFAULT-VALUE}).")
    String registry;

    @Option(
            names = "--kafka-config",
            paramLabel = "FILE",
            description =
                    "Java properties for every Kafka and registry client: TLS, SASL,"
                        + " basic.auth.user.info, anything a client knows.")
    Path kafkaConfig;

    /** The properties every client is given: the file's, then the addresses of the options. */
    public Map<String, Object> properties() {
        Map<String, Object> properties = new HashMap<>();
        if (kafkaConfig != null) {
            Properties file = new Properties();
            try (Reader reader = Files.newBufferedReader(kafkaConfig)) {
                file.load(reader);
            } catch (IOException | IllegalArgumentException e) {
                throw CliFailure.usage(
                        "--kafka-config "
                                + kafkaConfig
                                + " cannot be read: "
                                + CliFailure.describe(e));
            }
            file.stringPropertyNames()
                    .forEach(name -> properties.put(name, file.getProperty(name)));
        }
        properties.putIfAbsent("bootstrap.servers", bootstrap);
        properties.putIfAbsent("schema.registry.url", registry);
        return properties;
    }

    /** Fails at once, naming the address, when Kafka does not answer. */
    public void requireKafka() {
        Map<String, Object> properties = properties();
        try (Admin admin = Admin.create(properties)) {
            admin.describeCluster(new DescribeClusterOptions().timeoutMs(CHECK_MS)).nodes().get();
        } catch (ExecutionException e) {
            throw CliFailure.failed(
                    "Kafka at "
                            + properties.get("bootstrap.servers")
                            + " is not reachable ("
                            + e.getCause().getMessage()
                            + "); is it running, and is --bootstrap right?");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CliFailure.failed("interrupted");
        } catch (org.apache.kafka.common.KafkaException e) {
            throw CliFailure.usage(
                    "Kafka client cannot be made for "
                            + properties.get("bootstrap.servers")
                            + ": "
                            + CliFailure.describe(e));
        }
    }

    /** Fails at once, naming the address, when the schema registry does not answer. */
    public void requireRegistry() {
        String url = properties().get("schema.registry.url").toString().split(",")[0].trim();
        try (HttpClient client =
                HttpClient.newBuilder().connectTimeout(Duration.ofMillis(CHECK_MS)).build()) {
            HttpRequest request =
                    HttpRequest.newBuilder(URI.create(url + "/schemas/types"))
                            .timeout(Duration.ofMillis(CHECK_MS))
                            .build();
            client.send(request, HttpResponse.BodyHandlers.discarding());
        } catch (IOException e) {
            throw CliFailure.failed(
                    "the schema registry at "
                            + url
                            + " is not reachable; is it running, and is --registry right?");
        } catch (IllegalArgumentException e) {
            throw CliFailure.usage("--registry " + url + " is no URL: " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CliFailure.failed("interrupted");
        }
    }

    /** Both of the above. */
    public Map<String, Object> requireAll() {
        requireKafka();
        requireRegistry();
        return properties();
    }
}
