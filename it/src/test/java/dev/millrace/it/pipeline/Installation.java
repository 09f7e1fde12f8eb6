package dev.millrace.it.pipeline;

import dev.millrace.engine.api.LoadedModel;
import dev.millrace.ingest.IngestApp;
import dev.millrace.ingest.IngestConfig;
import dev.millrace.ingest.IngestPolicies;
import dev.millrace.ops.registry.RegistryConfig;
import dev.millrace.ops.registry.SchemaRegistryServer;
import dev.millrace.ops.topics.TopicAdmin;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.SinkApp;
import dev.millrace.sink.SinkConfig;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A Millrace installation around a given Kafka: registry, topics, ingest and sink run; workers are
 * started by the tests.
 */
public final class Installation implements AutoCloseable {
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);
    private static final int PARTITIONS = 4;

    private final Deque<AutoCloseable> started = new ArrayDeque<>();
    private final SchemaRegistryServer registry;
    private final String bootstrap;
    private final Map<String, Object> more;

    private IngestApp ingest;

    public Installation(TestKafka kafka, Path dir) throws Exception {
        this(kafka, dir, IngestPolicies.NONE, Map.of());
    }

    public Installation(TestKafka kafka, Path dir, IngestPolicies policies) throws Exception {
        this(kafka, dir, policies, Map.of());
    }

    /**
     * @param more further client properties of every role; the registry asks for {@code
     *     basic.auth.user.info} if it is one of them
     */
    public Installation(
            TestKafka kafka, Path dir, IngestPolicies policies, Map<String, Object> more)
            throws Exception {
        this.more = Map.copyOf(more);
        bootstrap = kafka.bootstrap();
        registry =
                new SchemaRegistryServer(
                        new RegistryConfig(
                                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                                null,
                                "BACKWARD_TRANSITIVE",
                                (String) more.get("basic.auth.user.info")));
        started.push(registry);
        registry.start();
        try (TopicAdmin admin = new TopicAdmin(Map.of("bootstrap.servers", bootstrap))) {
            admin.create(Topics.all(Topics.DEFAULT_POOL, PARTITIONS), (short) 1);
        }
        ingest = newIngest(dir, policies);
        started.push(() -> ingest.close());
        SinkApp sink =
                new SinkApp(
                        SinkConfig.defaults(dir.resolve("streams"), properties()),
                        new SimpleMeterRegistry());
        started.push(sink);
        ingest.start();
        sink.start();
        ingest.awaitRunning(START_TIMEOUT);
        sink.awaitRunning(START_TIMEOUT);
    }

    private IngestApp newIngest(Path dir, IngestPolicies policies) {
        return new IngestApp(
                IngestConfig.defaults(dir.resolve("streams"), properties()).withPolicies(policies),
                new SimpleMeterRegistry(),
                InstantSource.system());
    }

    /** Ends ingest and starts it again, with what the folder holds or with nothing of its own. */
    public void restartIngest(Path dir, IngestPolicies policies) throws Exception {
        ingest.close();
        ingest = newIngest(dir, policies);
        ingest.start();
        ingest.awaitRunning(START_TIMEOUT);
    }

    public Map<String, Object> properties() {
        Map<String, Object> properties = new HashMap<>(more);
        properties.put("bootstrap.servers", bootstrap);
        properties.put("schema.registry.url", registry.url());
        return properties;
    }

    /** Starts a worker that the caller stops. */
    public WorkerApp worker(String id, Supplier<LoadedModel> model) {
        WorkerApp worker =
                new WorkerApp(
                        WorkerConfig.defaults(id, Topics.DEFAULT_POOL, "echo", properties())
                                .withCommit(Duration.ofMillis(50), 64),
                        model,
                        new SimpleMeterRegistry());
        worker.start();
        return worker;
    }

    @Override
    public void close() throws Exception {
        while (!started.isEmpty()) {
            started.pop().close();
        }
    }
}
