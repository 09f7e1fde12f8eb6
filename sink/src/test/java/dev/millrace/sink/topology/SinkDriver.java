package dev.millrace.sink.topology;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.UsageEvent;
import dev.millrace.sink.SinkSerdes;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.TopologyTestDriver;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;

/**
 * The sink's real topology with its RocksDB stores, without a broker. Closing it deletes the state.
 */
final class SinkDriver implements AutoCloseable {
    static final Duration ROUND = Duration.ofMillis(200);

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final SinkSerdes serdes;
    private final TopologyTestDriver driver;

    SinkDriver(Path stateDir) {
        this(stateDir, Map.of("schema.registry.url", "mock://sink-topology-test"));
    }

    SinkDriver(Path stateDir, Map<String, Object> registry) {
        serdes = new SinkSerdes(registry);
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "sink-test");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:1");
        properties.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
        driver =
                new TopologyTestDriver(
                        SinkTopology.build(serdes, ROUND, new SinkMetrics(meters)), properties);
    }

    TestInputTopic<String, Completion> completions() {
        return input(Topics.COMPLETIONS, serdes.completion());
    }

    TestInputTopic<byte[], byte[]> rawCompletions() {
        return driver.createInputTopic(
                Topics.COMPLETIONS, new ByteArraySerializer(), new ByteArraySerializer());
    }

    TestInputTopic<String, BatchEvent> events() {
        return input(Topics.BATCH_EVENTS, serdes.batchEvent());
    }

    TestInputTopic<String, ControlCommand> control() {
        return input(Topics.CONTROL, serdes.control());
    }

    TestInputTopic<String, UsageEvent> usage() {
        return input(Topics.USAGE, serdes.usageEvent());
    }

    TestOutputTopic<String, BatchProgress> batches() {
        return output(Topics.BATCHES, serdes.batchProgress());
    }

    TestOutputTopic<String, TenantUsage> totals() {
        return output(Topics.TENANT_USAGE, serdes.tenantUsage());
    }

    TestOutputTopic<String, DeadLetter> deadLetters() {
        return output(Topics.DEAD_LETTERS, serdes.deadLetter());
    }

    byte[] bytes(BatchEvent event) {
        return serdes.batchEvent().serializer().serialize(Topics.BATCH_EVENTS, event);
    }

    BatchProgress stored(String batchId) {
        return driver.<String, BatchProgress>getKeyValueStore(SinkTopology.BATCH_STORE)
                .get(batchId);
    }

    void advance(Duration time) {
        driver.advanceWallClockTime(time);
    }

    double gauge(String name, String status) {
        return meters.get(name).tag("status", status).gauge().value();
    }

    double counter(String name, String status) {
        return meters.get(name).tag("status", status).counter().count();
    }

    double counter(String name) {
        return meters.get(name).counter().count();
    }

    @Override
    public void close() {
        driver.close();
        serdes.close();
    }

    private <T> TestInputTopic<String, T> input(String topic, Serde<T> serde) {
        return driver.createInputTopic(topic, new StringSerializer(), serde.serializer());
    }

    private <T> TestOutputTopic<String, T> output(String topic, Serde<T> serde) {
        return driver.createOutputTopic(topic, new StringDeserializer(), serde.deserializer());
    }
}
