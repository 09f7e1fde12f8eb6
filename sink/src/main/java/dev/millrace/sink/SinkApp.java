package dev.millrace.sink;

import dev.millrace.schemas.Topics;
import dev.millrace.schemas.registry.RegistryUnavailableException;
import dev.millrace.sink.topology.SinkMetrics;
import dev.millrace.sink.topology.SinkTopology;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;

import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * The sink as a running role: the topology of {@link SinkTopology} under exactly_once_v2. {@link
 * #start} returns at once; {@link #awaitRunning} waits for the first assignment.
 */
public final class SinkApp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SinkApp.class);
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(20);
    private static final Duration RETRY_PAUSE = Duration.ofSeconds(1);
    private static final List<String> SOURCES =
            List.of(Topics.COMPLETIONS, Topics.BATCH_EVENTS, Topics.USAGE, Topics.CONTROL);

    private final SinkSerdes serdes;
    private final KafkaStreams streams;
    private final MeterRegistry metrics;
    private final CountDownLatch runningOrOver = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    public SinkApp(SinkConfig config, MeterRegistry metrics) {
        this.metrics = metrics;
        SinkMetrics sinkMetrics = new SinkMetrics(metrics);
        serdes = new SinkSerdes(config.clientProperties());
        streams =
                new KafkaStreams(
                        SinkTopology.build(serdes, config.emitInterval(), sinkMetrics),
                        properties(config));
        streams.setUncaughtExceptionHandler(this::onUncaught);
        streams.setStateListener((now, before) -> stateChanged(now));
        registerLag();
    }

    /** Begins to work, in threads of its own. */
    public void start() {
        streams.start();
    }

    /**
     * Waits until every partition of this process is assigned and restored.
     *
     * @throws IllegalStateException if that did not happen in time, or the sink has stopped, with
     *     the reason
     */
    public void awaitRunning(Duration timeout) throws InterruptedException {
        boolean inTime = runningOrOver.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
        if (failure.get() != null) {
            throw new IllegalStateException(
                    "the sink has stopped: " + failure.get().getMessage(), failure.get());
        }
        if (!inTime) {
            throw new IllegalStateException(
                    "the sink is still " + streams.state() + " after " + timeout);
        }
    }

    /**
     * Waits until the sink has stopped, by itself or by {@link #close}; false when it still runs.
     */
    public boolean awaitStopped(Duration timeout) throws InterruptedException {
        return stopped.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** What stopped the sink for good, if something did. */
    public Optional<Throwable> failure() {
        return Optional.ofNullable(failure.get());
    }

    /** Why the sink is not ready, as one sentence; null when it is. */
    public String notReady() {
        Throwable cause = failure.get();
        if (cause != null) {
            return "the sink has stopped: " + cause.getMessage();
        }
        return streams.state() == KafkaStreams.State.RUNNING
                ? null
                : "the sink is " + streams.state();
    }

    /**
     * Commits what is done, leaves the group (so that the next sink need not wait for a timeout)
     * and stops.
     */
    @Override
    public void close() {
        boolean stopped =
                streams.close(
                        CloseOptions.timeout(CLOSE_TIMEOUT)
                                .withGroupMembershipOperation(
                                        CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
        if (!stopped) {
            LOG.warn("the sink did not stop within {}", CLOSE_TIMEOUT);
        }
        serdes.close();
    }

    static Properties properties(SinkConfig config) {
        Properties properties = new Properties();
        properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        // A sink that was killed is replaced after this; Kafka's default of 45 s is long for a role
        // that may
        // be alone.
        properties.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 10_000);
        properties.putAll(config.clientProperties());
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, config.applicationId());
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, config.stateDir().toString());
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, config.threads());
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, config.commitInterval().toMillis());
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, config.cacheBytes());
        properties.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        properties.put(BoundedRocksDb.MEMORY_BYTES, config.rocksDbMemoryBytes());
        return properties;
    }

    private void stateChanged(KafkaStreams.State now) {
        LOG.info("the sink is {}", now);
        boolean over = now == KafkaStreams.State.ERROR || now == KafkaStreams.State.NOT_RUNNING;
        if (over || now == KafkaStreams.State.RUNNING) {
            runningOrOver.countDown();
        }
        if (over) {
            stopped.countDown();
        }
    }

    /**
     * What passes by itself starts the thread again, from the last commit; anything else stops the
     * sink.
     */
    private StreamThreadExceptionResponse onUncaught(Throwable error) {
        if (mayPass(error)) {
            LOG.warn("the sink starts again from its last commit after: {}", error.toString());
            // The dying thread itself calls this, so the pause holds nobody else up.
            LockSupport.parkNanos(RETRY_PAUSE.toNanos());
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        }
        LOG.error("the sink stops", error);
        failure.compareAndSet(null, error);
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    }

    static boolean mayPass(Throwable error) {
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof RegistryUnavailableException
                    || t instanceof RetriableException
                    || t instanceof ProducerFencedException
                    || t instanceof InvalidProducerEpochException
                    || t instanceof InvalidPidMappingException) {
                return true;
            }
        }
        return false;
    }

    private void registerLag() {
        for (String topic : SOURCES) {
            Gauge.builder("millrace_sink_lag_records", () -> lag(topic))
                    .description(
                            "Records of the topic that the sink has not read yet, over its"
                                + " partitions")
                    .tag("topic", topic)
                    .register(metrics);
        }
    }

    private double lag(String topic) {
        double sum = 0;
        for (Map.Entry<MetricName, ? extends Metric> entry : streams.metrics().entrySet()) {
            MetricName name = entry.getKey();
            if (name.name().equals("records-lag")
                    && topic.equals(name.tags().get("topic"))
                    && entry.getValue().metricValue() instanceof Double records
                    && !records.isNaN()) {
                sum += records;
            }
        }
        return sum;
    }
}
