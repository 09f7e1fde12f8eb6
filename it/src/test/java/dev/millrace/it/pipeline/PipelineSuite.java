package dev.millrace.it.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.RecordHeaders;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.results.BatchWatch;
import dev.millrace.worker.WorkerApp;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The pipeline around an engine that echoes, on a real Kafka; which one is the subclass's choice.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class PipelineSuite {
    private static final Duration STALLED = Duration.ofSeconds(60);
    private static final long SEED = 20261123;

    @TempDir static Path dir;

    private TestKafka kafka;
    private Installation installation;

    abstract TestKafka startKafka(Path dataDir);

    @BeforeAll
    void start() throws Exception {
        kafka = startKafka(dir.resolve("kafka"));
        installation = new Installation(kafka, dir);
    }

    @AfterAll
    void stop() throws Exception {
        if (installation != null) {
            installation.close();
        }
        if (kafka != null) {
            kafka.close();
        }
    }

    @Test
    void everyJobIsAnsweredOnceAndPoisonIsSetAside() throws Exception {
        int good = 300;
        try (Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker =
                        installation.worker(
                                "w1", () -> EchoEngine.model(SEED, 20, content -> {}))) {
            for (int i = 0; i < good; i++) {
                jobs.publish(Topics.PROMPTS, Jobs.job("mixed", i));
                if (i % 50 == 0) {
                    jobs.publishBytes(
                            Topics.PROMPTS,
                            "poison-" + i,
                            ("no avro " + i).getBytes(StandardCharsets.UTF_8));
                    jobs.publishBytes(
                            Topics.ready(Topics.DEFAULT_POOL),
                            null,
                            new byte[] {0, 0, 0, 0, 1, (byte) i});
                    jobs.publish(Topics.PROMPTS, Jobs.job("mixed", i));
                }
                if (i % 100 == 0) {
                    jobs.publish(Topics.PROMPTS, tooHot(i));
                }
            }
            jobs.flush();
            completions.awaitJobs(good + 3, STALLED);
            try (DeadLetterReader letters = new DeadLetterReader(installation.properties())) {
                letters.await(12, STALLED);
                assertPoison(letters.seen());
            }
            completions.readToEnd();
            assertAnswers(completions, good);
        }
    }

    private static PromptJob tooHot(int i) {
        PromptJob job = Jobs.job("hot", i);
        job.getSampling().setTemperature(9.0);
        return job;
    }

    private static void assertPoison(List<DeadLetter> letters) {
        assertEquals(12, letters.size());
        assertEquals(
                6, letters.stream().filter(l -> l.getSourceTopic().equals(Topics.PROMPTS)).count());
        for (DeadLetter letter : letters) {
            byte[] value = new byte[letter.getValue().remaining()];
            letter.getValue().get(value);
            String text = new String(value, StandardCharsets.UTF_8);
            boolean fromPrompts = letter.getSourceTopic().equals(Topics.PROMPTS);
            assertTrue(
                    fromPrompts ? text.startsWith("no avro ") : value.length == 6,
                    "original bytes are gone: " + text);
            assertTrue(!letter.getError().getMessage().isBlank(), "a dead letter without a reason");
        }
    }

    private static void assertAnswers(CompletionReader completions, int good) {
        assertTrue(
                completions.answersPerJob().values().stream().allMatch(n -> n == 1),
                "some job was answered twice");
        Map<String, Completion> byId = new TreeMap<>();
        completions.seen().forEach(c -> byId.put(c.getJobId(), c));
        for (int i = 0; i < good; i++) {
            Completion completion = byId.get("mixed/job-" + i);
            assertEquals(CompletionStatus.COMPLETED, completion.getStatus());
            assertEquals("mixed/job-" + i, completion.getChoices().getFirst().getText());
        }
        Completion refused = byId.get("hot/job-0");
        assertEquals(CompletionStatus.FAILED, refused.getStatus());
        assertTrue(
                refused.getError().getParam().contains("temperature"),
                refused.getError().toString());
    }

    @Test
    void aTraceAndWhatOpenTelemetryAsksForReachTheCompletion() throws Exception {
        String parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        Map<String, String> trace =
                Map.of(RecordHeaders.TRACEPARENT, parent, RecordHeaders.TRACESTATE, "rojo=00f067");
        PromptJob refused = tooHot(7);
        refused.setBatchId("traced");
        refused.setJobId("traced/refused");
        try (Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties());
                WorkerApp worker =
                        installation.worker("w5", () -> EchoEngine.model(SEED, 20, text -> {}))) {
            completions.readToEnd();
            int before = completions.answersPerJob().size();
            jobs.publish(Topics.PROMPTS, Jobs.job("traced", 1), trace);
            jobs.publish(Topics.PROMPTS, refused, trace);
            jobs.publish(Topics.PROMPTS, Jobs.job("traced", 2));
            jobs.flush();
            completions.awaitJobs(before + 3, STALLED);
            for (String id : List.of("traced/job-1", "traced/refused")) {
                Map<String, String> headers = completions.headersOf(id);
                assertEquals(parent, headers.get(RecordHeaders.TRACEPARENT), id);
                assertEquals("rojo=00f067", headers.get(RecordHeaders.TRACESTATE), id);
                assertEquals("chat", headers.get(RecordHeaders.OPERATION_NAME), id);
            }
            Map<String, String> answered = completions.headersOf("traced/job-1");
            assertEquals(EchoEngine.MODEL, answered.get(RecordHeaders.RESPONSE_MODEL));
            // The echoing engine has a token per byte of the prompt, and says that it made one.
            assertEquals("12", answered.get(RecordHeaders.INPUT_TOKENS));
            assertEquals("1", answered.get(RecordHeaders.OUTPUT_TOKENS));
            assertEquals("0", answered.get(RecordHeaders.CACHE_READ_TOKENS));
            assertNull(answered.get(RecordHeaders.ERROR_TYPE));
            assertNotNull(completions.headersOf("traced/refused").get(RecordHeaders.ERROR_TYPE));
            String other = completions.headersOf("traced/job-2").get(RecordHeaders.TRACEPARENT);
            assertNotEquals(parent, other, "a job without a trace has got another's");
        }
    }

    private static void publish(Jobs jobs, String batch, int from, int to) {
        for (int i = from; i < to; i++) {
            jobs.publish(Topics.PROMPTS, Jobs.job(batch, i));
        }
        jobs.flush();
    }

    @Test
    void aRebalanceInTheMiddleLosesAndDoublesNothing() throws Exception {
        int count = 1000;
        Set<String> workers = ConcurrentHashMap.newKeySet();
        try (Jobs jobs = new Jobs(installation.properties());
                CompletionReader completions = new CompletionReader(installation.properties())) {
            completions.readToEnd();
            int before = completions.answersPerJob().size();
            WorkerApp first =
                    installation.worker("w2", () -> EchoEngine.model(SEED + 1, 3, content -> {}));
            publish(jobs, "rebalance", 0, count);
            completions.awaitJobs(before + 200, STALLED);
            WorkerApp second =
                    installation.worker("w3", () -> EchoEngine.model(SEED + 2, 3, content -> {}));
            // However fast the first is: there are jobs until the second has its share.
            while (completions.seen().stream().noneMatch(c -> c.getWorkerId().equals("w3"))) {
                publish(jobs, "rebalance", count, count + 100);
                count += 100;
                completions.awaitJobs(before + count, STALLED);
            }
            publish(jobs, "rebalance", count, count + 1000);
            count += 1000;
            completions.awaitJobs(before + count - 500, STALLED);
            first.drain();
            assertTrue(first.awaitTermination(STALLED), "the drained worker did not stop");
            assertTrue(
                    first.failure().isEmpty(),
                    () -> "the drained worker failed: " + first.failure());
            completions.awaitJobs(before + count, STALLED);
            second.close();
            completions.readToEnd();
            completions.seen().stream()
                    .filter(c -> c.getBatchId().equals("rebalance"))
                    .forEach(c -> workers.add(c.getWorkerId()));
            assertEquals(before + count, completions.seen().size(), "some job was answered twice");
            assertEquals(
                    new TreeSet<>(Set.of("w2", "w3")),
                    new TreeSet<>(workers),
                    "one worker did all the work");
        }
    }

    @Test
    void aBatchKnowsWhenItIsDone() throws Exception {
        Path file = JobFiles.write(dir.resolve("batch.jsonl"), 120);
        try (WorkerApp worker =
                installation.worker("w4", () -> EchoEngine.model(SEED + 3, 20, content -> {}))) {
            BatchProgress end = submitAndAwait(file);
            assertEquals(BatchStatus.COMPLETED, end.getStatus());
            assertEquals(120, end.getTotal());
            assertEquals(118, end.getCompleted());
            assertEquals(2, end.getFailed(), "the broken line and the unknown field");
            // The same file again, as after a crash of the submitter: nothing runs twice.
            BatchProgress again = submitAndAwait(file);
            assertEquals(120, again.getTotal());
            assertEquals(118, again.getCompleted());
            assertEquals(120, again.getDuplicates());
        }
    }

    private BatchProgress submitAndAwait(Path file) throws Exception {
        String run = JobFiles.submit(installation.properties(), file, "sealed").submissionId();
        return BatchWatch.awaitBatch(
                installation.properties(), "sealed", run, STALLED, progress -> {});
    }
}
