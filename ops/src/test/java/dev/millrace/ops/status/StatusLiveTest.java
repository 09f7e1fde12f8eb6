package dev.millrace.ops.status;

import static dev.millrace.ops.status.StatusFixtures.metadata;
import static dev.millrace.ops.status.StatusFixtures.worker;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.embedded.EmbeddedBroker;
import dev.millrace.ops.topics.TopicAdmin;
import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.serde.AvroSerializer;
import dev.millrace.sink.SinkApp;
import dev.millrace.sink.SinkConfig;
import dev.millrace.sink.results.BatchWatch;
import dev.millrace.sink.results.ResultsExporter;
import dev.millrace.sink.results.ResultsReport;
import dev.millrace.sink.results.UnknownBatchException;
import dev.millrace.worker.WorkerConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The sink, the export and the status against a real broker; what comes before the sink is played by a
 * producer.
 */
class StatusLiveTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    private static final int JOBS = 300;

    @TempDir
    static Path dir;

    private static EmbeddedBroker broker;
    private static Map<String, Object> client;
    private static KafkaProducer<String, Object> producer;

    @BeforeAll
    static void start() throws InterruptedException {
        broker = EmbeddedBroker.start(dir.resolve("kafka"), 0, Map.of());
        client = Map.of("bootstrap.servers", broker.bootstrap(), "schema.registry.url", "mock://status-live");
        try (TopicAdmin topics = new TopicAdmin(client)) {
            topics.create(Topics.all(Topics.DEFAULT_POOL, 3), (short) 1);
        }
        Map<String, Object> properties = new HashMap<>(client);
        properties.put("transactional.id", "status-live");
        AvroSerializer<Object> values = new AvroSerializer<>();
        values.configure(client, false);
        producer = new KafkaProducer<>(properties, new StringSerializer(), values);
        producer.initTransactions();
    }

    @AfterAll
    static void stop() {
        producer.close();
        broker.close();
    }

    @Test
    void batchIsFollowedToItsEndExportedAndReopenedAcrossARestart() throws Exception {
        String batch = "live";
        SinkConfig config = SinkConfig.defaults(dir.resolve("state"), client);
        try (SinkApp sink = new SinkApp(config, new SimpleMeterRegistry());
                StatusReader status = new StatusReader(client, "default")) {
            sink.start();
            sink.awaitRunning(TIMEOUT);
            send(event(batch, "r1", BatchEventKind.OPENED).build(),
                    event(batch, "r1", BatchEventKind.TALLY).setSource("0_0").setAdmitted(JOBS).build(),
                    event(batch, "r1", BatchEventKind.SEALED).setLines(JOBS).build());
            sendCompletions(batch, 0, JOBS / 2);
            abortCompletions(batch);
            sendCompletions(batch, JOBS / 2, JOBS);
            BatchProgress ended = BatchWatch.awaitBatch(client, batch, "r1", TIMEOUT, progress -> {});
            assertEquals(BatchStatus.COMPLETED, ended.getStatus());
            assertEquals(JOBS, ended.getCompleted());
            StatusSnapshot snapshot = status.read(batch);
            assertEquals(List.of(batch), snapshot.batches().stream().map(row -> row.progress().getBatchId())
                    .toList());
            assertThrows(UnknownBatchException.class, () -> status.read("lvie"));
        }
        assertWhole(batch, JOBS);
        try (SinkApp sink = new SinkApp(config, new SimpleMeterRegistry())) {
            sink.start();
            send(event(batch, "r2", BatchEventKind.OPENED).build(),
                    event(batch, "r2", BatchEventKind.TALLY).setSource("0_0").setAdmitted(10)
                    .setDuplicates(JOBS).build(),
                    event(batch, "r2", BatchEventKind.SEALED).setLines(JOBS + 10).build());
            sendCompletions(batch, JOBS, JOBS + 10);
            BatchProgress ended = BatchWatch.awaitBatch(client, batch, "r2", TIMEOUT, progress -> {});
            assertEquals(JOBS + 10, ended.getCompleted(), "the counts of before the restart are still there");
            assertEquals(JOBS, ended.getDuplicates());
        }
        assertWhole(batch, JOBS + 10);
    }

    @Test
    void lagLeavesOutWhatIsFinishedAhead() throws Exception {
        String topic = Topics.ready(Topics.DEFAULT_POOL);
        producer.beginTransaction();
        for (int i = 0; i < 50; i++) {
            producer.send(new ProducerRecord<>(topic, 1, "k", completion("x", i)));
        }
        producer.send(new ProducerRecord<>(Topics.WORKER_STATS, "w", worker("w", "RUNNING", Instant.now())));
        producer.commitTransaction();
        TopicPartition partition = new TopicPartition(topic, 1);
        try (Admin admin = Admin.create(client)) {
            admin.alterConsumerGroupOffsets(WorkerConfig.groupFor("default"),
                    Map.of(partition, new OffsetAndMetadata(10, metadata(10, 5, 20)))).all().get();
        }
        try (StatusReader reader = new StatusReader(client, "default")) {
            StatusSnapshot snapshot = reader.read(null);
            TopicLag lag = snapshot.lags().get(1);
            assertEquals(topic, lag.topic());
            // 50 records and a transaction marker, less 10 below the low-water mark and 20 finished ahead.
            assertEquals(20, lag.records());
            assertEquals(41, lag.committedLag());
            assertEquals("RUNNING", snapshot.workers().getFirst().state());
            assertTrue(StatusPrinter.text(snapshot).contains(topic));
        }
    }

    @Test
    void topicThatDoesNotExistIsNamed() {
        try (TrueLag lag = new TrueLag(client)) {
            String message = assertThrows(IllegalStateException.class, () -> lag.of("g", "ready.nobody"))
                    .getMessage();
            assertTrue(message.contains("topic ready.nobody does not exist"), message);
        }
    }

    private static void assertWhole(String batch, int jobs) throws IOException {
        Path out = dir.resolve(batch + ".jsonl");
        ResultsReport report = new ResultsExporter(client).export(batch, out, null);
        assertTrue(report.isWhole(), report.summary());
        assertEquals(jobs, report.completed());
        assertEquals(jobs, Files.readAllLines(out).stream().distinct().count());
    }

    private static void send(BatchEvent... events) {
        producer.beginTransaction();
        for (BatchEvent event : events) {
            producer.send(new ProducerRecord<>(Topics.BATCH_EVENTS, event.getBatchId(), event));
        }
        producer.commitTransaction();
    }

    private static void sendCompletions(String batch, int from, int to) {
        producer.beginTransaction();
        for (int i = from; i < to; i++) {
            producer.send(new ProducerRecord<>(Topics.COMPLETIONS, batch + "/" + i, completion(batch, i)));
        }
        producer.commitTransaction();
    }

    /** A worker that dies in the middle: what it has sent must not count anywhere. */
    private static void abortCompletions(String batch) {
        producer.beginTransaction();
        producer.send(new ProducerRecord<>(Topics.COMPLETIONS, batch + "/0", completion(batch, 0)));
        producer.flush();
        producer.abortTransaction();
    }

    private static BatchEvent.Builder event(String batch, String run, BatchEventKind kind) {
        return BatchEvent.newBuilder().setBatchId(batch).setSubmissionId(run).setKind(kind)
                .setAt(Instant.now());
    }

    private static Completion completion(String batch, int number) {
        Choice choice = Choice.newBuilder()
                .setIndex(0).setText("answer " + number).setFinishReason("stop").build();
        return Completion.newBuilder()
                .setJobId(batch + "/" + number).setCustomId("" + number).setBatchId(batch)
                .setModel("demo").setStatus(CompletionStatus.COMPLETED).setChoices(List.of(choice))
                .setUsage(new Usage(10, 4, 3)).setCreatedAt(Instant.now()).setFinishedAt(Instant.now())
                .build();
    }
}
