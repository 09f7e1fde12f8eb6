package dev.millrace.ops.embedded;

import dev.millrace.ingest.IngestApp;
import dev.millrace.ingest.IngestConfig;
import dev.millrace.ops.console.OpsPages;
import dev.millrace.ops.console.OpsService;
import dev.millrace.ops.gateway.ApiKeys;
import dev.millrace.ops.gateway.Gateway;
import dev.millrace.ops.gateway.GatewayConfig;
import dev.millrace.ops.http.HealthPages;
import dev.millrace.ops.http.HttpPort;
import dev.millrace.ops.registry.RegistryConfig;
import dev.millrace.ops.registry.SchemaRegistryServer;
import dev.millrace.ops.topics.TopicAdmin;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.SinkApp;
import dev.millrace.sink.SinkConfig;
import dev.millrace.worker.JobEngine;
import dev.millrace.worker.WorkerApp;
import dev.millrace.worker.WorkerConfig;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The whole pipeline in one JVM on real parts: Kafka, schema registry, ingest, one worker, sink,
 * Batch API, metrics. Parts start as soon as what they need is there, and stop in the reverse
 * order, so that the worker drains while Kafka still answers.
 */
public final class EmbeddedStack implements AutoCloseable {
    public static final String WORKER_ID = "worker-1";

    private static final Logger log = LoggerFactory.getLogger(EmbeddedStack.class);
    private static final Duration START_TIMEOUT = Duration.ofSeconds(120);
    private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(60);

    private final StackConfig config;
    private final Consumer<String> onPart;
    private final Deque<Part> started = new ArrayDeque<>();
    private final PrometheusMeterRegistry metrics =
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private EmbeddedBroker broker;
    private SchemaRegistryServer registry;
    private IngestApp ingest;
    private WorkerApp worker;
    private SinkApp sink;
    private Gateway gateway;
    private HttpPort http;
    private OpsService ops;
    private FutureTask<JobEngine> loading;
    private String modelName;

    private record Part(String name, AutoCloseable resource) {}

    private EmbeddedStack(StackConfig config, Consumer<String> onPart) {
        this.config = config;
        this.onPart = onPart;
    }

    /**
     * Starts everything. Jobs may be published at once; {@link #awaitRunning} waits until all roles
     * work.
     *
     * @param onPart told the name of each part once it is there
     * @throws IllegalStateException when a part cannot start; what had started is stopped again
     */
    public static EmbeddedStack start(StackConfig config, Consumer<String> onPart) {
        EmbeddedStack stack = open(config, onPart);
        try {
            stack.serve();
            stack.openPages();
            return stack;
        } catch (RuntimeException e) {
            stack.close();
            throw e;
        }
    }

    /**
     * Starts what takes jobs in: Kafka, registry, ingest and sink. Meanwhile the model loads; jobs
     * that are published now wait for {@link #serve}.
     *
     * @param onPart told the name of each part once it is there
     * @throws IllegalStateException when a part cannot start; what had started is stopped again
     */
    public static EmbeddedStack open(StackConfig config, Consumer<String> onPart) {
        EmbeddedStack stack = new EmbeddedStack(config, onPart);
        try {
            stack.startIntake();
            return stack;
        } catch (Exception e) {
            stack.close();
            throw unchecked(e);
        }
    }

    /**
     * Waits for the model and starts the worker, which answers jobs.
     *
     * @throws IllegalStateException when a part cannot start
     */
    public void serve() {
        try {
            JobEngine engine = loaded(loading);
            modelName = engine.modelName();
            onPart.accept("model " + modelName + " on device " + config.device());
            startWorker(engine);
            onPart.accept("worker");
        } catch (Exception e) {
            throw unchecked(e);
        }
    }

    /**
     * Opens what people and programs look at: status page, Batch API, metrics.
     *
     * @throws IllegalStateException when the port is taken
     */
    public void openPages() {
        gateway =
                keep(
                        "gateway",
                        new Gateway(
                                GatewayConfig.defaults(
                                        config.dataDir().resolve("gateway"), clientProperties()),
                                ApiKeys.any(),
                                metrics,
                                InstantSource.system()));
        http = keep("HTTP", HealthPages.open(loopback(config.httpPort()), metrics, this::notReady));
        gateway.start(http);
        ops =
                keep(
                        "status page",
                        new OpsService(
                                clientProperties(),
                                Topics.DEFAULT_POOL,
                                metrics,
                                InstantSource.system()));
        OpsPages.mount(http, ops.start());
        onPart.accept("status page at " + http.url() + "/, Batch API at /v1, metrics at /metrics");
    }

    private static RuntimeException unchecked(Exception e) {
        return e instanceof RuntimeException unchecked
                ? unchecked
                : new IllegalStateException("start failed", e);
    }

    private void startIntake() throws Exception {
        loading = inBackground("load-model");
        broker =
                keep(
                        "Kafka",
                        EmbeddedBroker.start(
                                config.dataDir().resolve("kafka"), config.kafkaPort(), Map.of()));
        onPart.accept("Kafka at " + broker.bootstrap());
        registry =
                keep(
                        "registry",
                        new SchemaRegistryServer(
                                new RegistryConfig(
                                        loopback(config.registryPort()),
                                        config.dataDir().resolve("registry.jsonl"),
                                        "BACKWARD_TRANSITIVE",
                                        null)));
        registry.start();
        onPart.accept("schema registry at " + registry.url());
        try (TopicAdmin admin = new TopicAdmin(Map.of("bootstrap.servers", broker.bootstrap()))) {
            admin.create(Topics.all(Topics.DEFAULT_POOL, config.partitions()), (short) 1);
        }
        startStreams();
        onPart.accept("ingest and sink");
    }

    /** Waits until ingest and sink have their partitions. */
    public void awaitRunning() throws InterruptedException {
        ingest.awaitRunning(START_TIMEOUT);
        sink.awaitRunning(START_TIMEOUT);
    }

    private void startWorker(JobEngine engine) {
        worker =
                WorkerApp.over(
                        WorkerConfig.defaults(
                                        WORKER_ID,
                                        Topics.DEFAULT_POOL,
                                        config.device(),
                                        clientProperties())
                                .withTenantWeights(config.tenantWeights()),
                        () -> engine,
                        metrics);
        keep("worker", this::drainWorker);
        worker.start();
    }

    private void drainWorker() throws InterruptedException {
        worker.drain();
        worker.awaitTermination(DRAIN_TIMEOUT);
        worker.close();
    }

    private void startStreams() throws InterruptedException {
        Path state =
                keep("stream stores", LocalState.open(config.dataDir().resolve("streams"))).dir();
        ingest =
                keep(
                        "ingest",
                        new IngestApp(
                                IngestConfig.defaults(state, clientProperties())
                                        .withPolicies(config.policies()),
                                metrics,
                                InstantSource.system()));
        sink = keep("sink", new SinkApp(SinkConfig.defaults(state, clientProperties()), metrics));
        ingest.start();
        sink.start();
    }

    /**
     * What every client needs to reach this stack. No JMX: metrics are at /metrics, and registering
     * each of a client's hundreds of beans takes time from the start.
     */
    public Map<String, Object> clientProperties() {
        return Map.of(
                "bootstrap.servers",
                broker.bootstrap(),
                "schema.registry.url",
                registry.url(),
                "metric.reporters",
                "");
    }

    /** The model name that jobs ask for. */
    public String modelName() {
        return modelName;
    }

    public String bootstrap() {
        return broker.bootstrap();
    }

    public String registryUrl() {
        return registry.url();
    }

    public String httpUrl() {
        return http.url();
    }

    public PrometheusMeterRegistry metrics() {
        return metrics;
    }

    /** What watches the stack and knows how good its forecasts were. */
    public OpsService ops() {
        return ops;
    }

    /** Why some role does not work, or null when all do. */
    public String notReady() {
        return Stream.of(
                        RoleHealth.notReady(ingest),
                        RoleHealth.notReady(worker),
                        RoleHealth.notReady(sink),
                        gateway.notReady())
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    /** The worker, for those who wait for its end. */
    public WorkerApp worker() {
        return worker;
    }

    /**
     * Stops all parts, the last started first; a part that fails to stop does not keep the others
     * up.
     */
    @Override
    public void close() {
        while (!started.isEmpty()) {
            Part part = started.pop();
            try {
                part.resource().close();
            } catch (Exception e) {
                log.warn("{} did not stop cleanly", part.name(), e);
            }
        }
        metrics.close();
    }

    private <T extends AutoCloseable> T keep(String name, T resource) {
        started.push(new Part(name, resource));
        return resource;
    }

    private FutureTask<JobEngine> inBackground(String name) {
        FutureTask<JobEngine> task = new FutureTask<>(() -> config.engine().apply(metrics));
        Thread.ofPlatform().daemon().name(name).start(task);
        return task;
    }

    private static JobEngine loaded(FutureTask<JobEngine> loading) throws InterruptedException {
        try {
            return loading.get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause
                    ? cause
                    : new IllegalStateException("the model could not be loaded", e.getCause());
        }
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }
}
