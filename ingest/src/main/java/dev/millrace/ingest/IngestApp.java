package dev.millrace.ingest;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;

import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ingest as one process runs it: Kafka Streams with exactly-once processing around {@link
 * IngestTopology}. Start once, close once; a registry or broker that goes away is waited for,
 * anything fatal ends in {@link #failure()}.
 */
public final class IngestApp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IngestApp.class);

    /** Room in a request for a few of the largest records. */
    private static final int REQUEST_OVERHEAD_BYTES = 1 << 20;

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

    private final IngestConfig config;
    private final MeterRegistry meters;
    private final InstantSource clock;
    private final StreamFailures failures;
    private final CountDownLatch running = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private volatile KafkaStreams streams;

    public IngestApp(IngestConfig config, MeterRegistry meters, InstantSource clock) {
        this.config = config;
        this.meters = meters;
        this.clock = clock;
        this.failures = new StreamFailures(clock);
    }

    /**
     * Checks the topics and starts; returns before the first record is read ({@link #awaitRunning}
     * waits for that).
     *
     * @throws IllegalStateException when a topic is missing or Kafka does not answer; the message
     *     names it
     */
    public void start() throws InterruptedException {
        if (streams != null) {
            throw new IllegalStateException("ingest was started before");
        }
        IngestConfig fitted = OutputTopics.fit(config);
        KafkaStreams started =
                new KafkaStreams(
                        IngestTopology.build(fitted, new IngestMetrics(meters), clock),
                        streamsProperties(fitted));
        started.setUncaughtExceptionHandler(failures);
        started.setStateListener(this::stateChanged);
        streams = started;
        Gauge.builder("millrace.ingest.running", this, app -> app.isHealthy() ? 1 : 0)
                .description("1 while ingest reads prompts")
                .register(meters);
        started.start();
    }

    /**
     * Waits until the tasks are assigned and restored; false when that takes longer, or ingest
     * stops before.
     */
    public boolean awaitRunning(Duration timeout) throws InterruptedException {
        return running.await(timeout.toMillis(), TimeUnit.MILLISECONDS)
                && state() != KafkaStreams.State.ERROR;
    }

    /** Waits until ingest has stopped, by itself or by {@link #close}; false when it still runs. */
    public boolean awaitStopped(Duration timeout) throws InterruptedException {
        return stopped.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Kafka Streams' own state. */
    public KafkaStreams.State state() {
        KafkaStreams current = streams;
        return current == null ? KafkaStreams.State.CREATED : current.state();
    }

    /** True while prompts are read: running, or taking over partitions. */
    public boolean isHealthy() {
        return state().isRunningOrRebalancing();
    }

    /** What stopped ingest for good, if something did. */
    public Optional<Throwable> failure() {
        return Optional.ofNullable(failures.fatal());
    }

    /**
     * Commits what is done and leaves the group, so that whoever comes next need not wait for this
     * one. Waits at most 30 seconds.
     */
    @Override
    public void close() {
        KafkaStreams current = streams;
        CloseOptions leave =
                CloseOptions.timeout(CLOSE_TIMEOUT)
                        .withGroupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP);
        if (current != null && !current.close(leave)) {
            LOG.warn(
                    "Ingest did not stop within {} s; what was not committed is read again at the"
                            + " next start",
                    CLOSE_TIMEOUT.toSeconds());
        }
        stopped.countDown();
    }

    private void stateChanged(KafkaStreams.State now, KafkaStreams.State before) {
        LOG.info("Ingest is {}", now);
        switch (now) {
            case RUNNING -> running.countDown();
            case ERROR, NOT_RUNNING -> {
                running.countDown();
                stopped.countDown();
            }
            default -> {}
        }
    }

    /**
     * Streams' settings; what the client properties say comes first, except where correctness hangs
     * on it.
     */
    static Properties streamsProperties(IngestConfig config) {
        Map<String, Object> all = new HashMap<>();
        all.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        all.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, -1);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        all.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        all.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 128 << 10);
        // With more in flight, requests overtake the one that a partition refuses while it still
        // ends the last transaction; the broker
        // logs each of them as an error, and all are sent twice.
        all.put(
                StreamsConfig.producerPrefix(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION),
                1);
        // How long the partitions of a process that was killed stay without an owner; Kafka's
        // default is 45 s.
        all.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 10_000);
        all.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedStoreMemory.class);
        all.putAll(config.clientProperties());
        all.put(StreamsConfig.APPLICATION_ID_CONFIG, config.applicationId());
        all.put(StreamsConfig.STATE_DIR_CONFIG, config.stateDir().toString());
        all.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        all.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, config.streamThreads());
        all.put(
                StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG),
                config.recordBytesMax() + REQUEST_OVERHEAD_BYTES);
        all.put(BoundedStoreMemory.BYTES, config.storeMemoryBytes());
        Properties properties = new Properties();
        properties.putAll(all);
        return properties;
    }
}
