package dev.millrace.ingest;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKeys;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.SamplingParams;
import dev.millrace.schemas.SharedPrefix;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.serde.AvroDeserializer;
import dev.millrace.schemas.serde.AvroSerializer;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;

import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.test.TestRecord;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The real topology in the test's thread, with its own clock and registry. */
final class IngestDriver implements AutoCloseable {
    static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    final IngestConfig config;
    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final AvroSerializer<SpecificRecord> serializer = new AvroSerializer<>();
    private final TopologyTestDriver driver;
    private Instant now;

    IngestDriver(IngestConfig config, Instant start) {
        this.config = config;
        this.now = start;
        serializer.configure(config.clientProperties(), false);
        driver =
                new TopologyTestDriver(
                        IngestTopology.build(config, new IngestMetrics(meters), () -> now),
                        IngestApp.streamsProperties(config),
                        start);
    }

    static IngestConfig config(Path stateDir, String scope) {
        return IngestConfig.defaults(
                stateDir,
                Map.of("bootstrap.servers", "none:1", "schema.registry.url", "mock://" + scope));
    }

    static PromptJob.Builder job(String id) {
        return PromptJob.newBuilder()
                .setJobId(id)
                .setCustomId("c-" + id)
                .setModel("m")
                .setCreatedAt(START)
                .setMessages(
                        List.of(
                                new ChatMessage("system", "Be brief.", null),
                                new ChatMessage("user", "Hi " + id, null)))
                .setSampling(SamplingParams.newBuilder().build());
    }

    void prompt(PromptJob.Builder job) {
        PromptJob built = job.build();
        raw(built.getJobId().getBytes(StandardCharsets.UTF_8), bytes(built), new RecordHeaders());
    }

    void raw(byte[] key, byte[] value, Headers headers) {
        driver.createInputTopic(
                        Topics.PROMPTS, new ByteArraySerializer(), new ByteArraySerializer())
                .pipeInput(new TestRecord<>(key, value, headers, now));
    }

    byte[] bytes(PromptJob job) {
        return serializer.serialize(Topics.PROMPTS, job);
    }

    void sharedPrefix(String id, String tenant, String... systemMessages) {
        List<ChatMessage> messages =
                List.of(systemMessages).stream()
                        .map(text -> new ChatMessage("system", text, null))
                        .toList();
        byte[] value =
                serializer.serialize(
                        Topics.SHARED_PREFIXES, new SharedPrefix(id, tenant, messages, now));
        rawSharedPrefix(id, value);
    }

    void order(ControlCommand.Builder command) {
        ControlCommand built = command.setCommandId("c").setAt(now).build();
        driver.createInputTopic(
                        Topics.CONTROL, new ByteArraySerializer(), new ByteArraySerializer())
                .pipeInput(
                        ControlKeys.of(built).getBytes(StandardCharsets.UTF_8),
                        serializer.serialize(Topics.CONTROL, built));
    }

    /** A worker's answer, which is taken out of the outputs again. */
    void complete(Completion completion) {
        driver.createInputTopic(
                        Topics.COMPLETIONS, new ByteArraySerializer(), new ByteArraySerializer())
                .pipeInput(
                        completion.getJobId().getBytes(StandardCharsets.UTF_8),
                        serializer.serialize(Topics.COMPLETIONS, completion));
    }

    void rawSharedPrefix(String id, byte[] value) {
        driver.createInputTopic(
                        Topics.SHARED_PREFIXES,
                        new ByteArraySerializer(),
                        new ByteArraySerializer())
                .pipeInput(id.getBytes(StandardCharsets.UTF_8), value);
    }

    void advance(Duration time) {
        now = now.plus(time);
        driver.advanceWallClockTime(time);
    }

    Instant now() {
        return now;
    }

    List<TestRecord<String, PromptJob>> ready(String pool) {
        return read(Topics.ready(pool), PromptJob.class);
    }

    List<TestRecord<String, PromptJob>> ready() {
        return ready(Topics.DEFAULT_POOL);
    }

    List<Completion> completions() {
        return values(read(Topics.COMPLETIONS, Completion.class));
    }

    List<DeadLetter> deadLetters() {
        return values(read(Topics.DEAD_LETTERS, DeadLetter.class));
    }

    List<BatchEvent> batchEvents() {
        return values(read(Topics.BATCH_EVENTS, BatchEvent.class));
    }

    private static <T> List<T> values(List<TestRecord<String, T>> records) {
        return records.stream().map(TestRecord::value).toList();
    }

    private <T extends SpecificRecord> List<TestRecord<String, T>> read(
            String topic, Class<T> type) {
        AvroDeserializer<T> deserializer = new AvroDeserializer<>(type);
        deserializer.configure(config.clientProperties(), false);
        return driver
                .createOutputTopic(topic, new StringDeserializer(), new ByteArrayDeserializer())
                .readRecordsToList()
                .stream()
                .map(
                        r ->
                                new TestRecord<>(
                                        r.key(),
                                        deserializer.deserialize(topic, r.value()),
                                        r.headers(),
                                        r.getRecordTime()))
                .toList();
    }

    double count(IngestMetrics.Outcome outcome) {
        return meters.get(IngestMetrics.RECORDS)
                .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
                .counter()
                .count();
    }

    /**
     * Ends this driver and starts one that has only the stores' contents, as after a crash. (The
     * test driver empties its folder when it closes, so the contents are handed over.)
     */
    IngestDriver restart() {
        IngestDriver next =
                new IngestDriver(config.withApplicationId(config.applicationId() + "-next"), now);
        copyStoresTo(next.driver);
        close();
        return next;
    }

    private void copyStoresTo(TopologyTestDriver next) {
        WindowStore<Bytes, byte[]> seen = driver.getWindowStore(SeenJobs.STORE);
        WindowStore<Bytes, byte[]> nextSeen = next.getWindowStore(SeenJobs.STORE);
        try (var all = seen.all()) {
            all.forEachRemaining(
                    entry ->
                            nextSeen.put(entry.key.key(), entry.value, entry.key.window().start()));
        }
        for (String name : List.of(Tallies.STORE, ParkedJobs.STORE, SharedPrefixes.STORE)) {
            KeyValueStore<Bytes, byte[]> from = driver.getKeyValueStore(name);
            KeyValueStore<Bytes, byte[]> to = next.getKeyValueStore(name);
            try (var all = from.all()) {
                all.forEachRemaining(entry -> to.put(entry.key, entry.value));
            }
        }
    }

    @Override
    public void close() {
        driver.close();
    }
}
