package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ingest.IngestMetrics.Outcome;
import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchEventKind;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.Topics;

import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

class IngestTopologyTest {
    @TempDir Path stateDir;

    private IngestConfig config;
    private IngestDriver driver;

    @BeforeEach
    void start(TestInfo test) {
        config =
                IngestDriver.config(
                        stateDir, "ingest-" + test.getTestMethod().orElseThrow().getName());
        driver = new IngestDriver(config, IngestDriver.START);
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    private void startWith(IngestConfig other) {
        driver.close();
        driver = new IngestDriver(other, IngestDriver.START);
    }

    @Test
    void goodJobGoesToItsPoolKeyedByFingerprint() {
        startWith(config.withModels("default", Map.of("big", "h200"), Set.of("m", "big")));
        RecordHeaders trace = new RecordHeaders();
        trace.add("traceparent", "00-1".getBytes(StandardCharsets.UTF_8));
        PromptJob job = IngestDriver.job("b/1").setBatchId("b").build();
        driver.raw("b/1".getBytes(StandardCharsets.UTF_8), driver.bytes(job), trace);
        driver.prompt(IngestDriver.job("b/2").setModel("big"));

        List<TestRecord<String, PromptJob>> ready = driver.ready();
        assertEquals(1, ready.size());
        PromptJob passed = ready.getFirst().value();
        assertEquals(PromptFingerprint.of(job), passed.getPrefixFingerprint());
        assertEquals(PromptFingerprint.hex(passed.getPrefixFingerprint()), ready.getFirst().key());
        assertEquals("00-1", text(ready.getFirst(), "traceparent"));
        assertEquals("default", text(ready.getFirst(), dev.millrace.schemas.RecordHeaders.TENANT));
        assertEquals("b", text(ready.getFirst(), dev.millrace.schemas.RecordHeaders.BATCH));
        assertEquals(
                Long.toString(JobHeaders.promptTokens(job)),
                text(ready.getFirst(), dev.millrace.schemas.RecordHeaders.PROMPT_TOKENS));
        assertEquals("m", text(ready.getFirst(), dev.millrace.schemas.RecordHeaders.REQUEST_MODEL));
        assertEquals(
                "chat", text(ready.getFirst(), dev.millrace.schemas.RecordHeaders.OPERATION_NAME));
        assertEquals(driver.now(), ready.getFirst().getRecordTime());
        job.setPrefixFingerprint(passed.getPrefixFingerprint());
        assertEquals(job, passed);
        assertEquals(
                List.of("b/2"),
                driver.ready("h200").stream().map(record -> record.value().getJobId()).toList());
        assertEquals(List.of(), driver.completions());
        assertEquals(2, driver.count(Outcome.ADMITTED));
    }

    @Test
    void poisonBetweenGoodRecordsIsSetAsideAsItCame() {
        byte[] key = {1, 2};
        byte[] unknownSchema = {0, 127, 0, 0, 0, 1};
        RecordHeaders headers = new RecordHeaders();
        headers.add("h", new byte[] {9});
        driver.prompt(IngestDriver.job("1"));
        driver.raw(key, "not Avro".getBytes(StandardCharsets.UTF_8), headers);
        driver.prompt(IngestDriver.job("2"));
        driver.raw(null, unknownSchema, new RecordHeaders());
        driver.raw(key, null, new RecordHeaders());
        driver.raw(new byte[0], driver.bytes(IngestDriver.job("").build()), new RecordHeaders());
        driver.prompt(IngestDriver.job("3"));

        assertEquals(
                List.of("1", "2", "3"),
                driver.ready().stream().map(record -> record.value().getJobId()).toList());
        List<DeadLetter> letters = driver.deadLetters();
        assertEquals(4, letters.size());
        DeadLetter first = letters.getFirst();
        assertEquals(Topics.PROMPTS, first.getSourceTopic());
        assertEquals(0, first.getSourcePartition());
        assertEquals(1, first.getSourceOffset());
        assertEquals(ByteBuffer.wrap(key), first.getKey());
        assertArrayEquals("not Avro".getBytes(StandardCharsets.UTF_8), first.getValue().array());
        assertEquals(Map.of("h", ByteBuffer.wrap(new byte[] {9})), first.getHeaders());
        assertEquals("ingest", first.getFailedBy());
        assertEquals("unreadable_record", first.getError().getCode());
        assertTrue(
                first.getError().getMessage().startsWith("prompts-0-1: "),
                first.getError()::getMessage);
        assertNull(letters.get(1).getKey());
        assertNull(letters.get(2).getValue());
        assertEquals("missing_job_id", letters.get(3).getError().getCode());
        assertEquals(List.of(), driver.completions());
    }

    @Test
    void rejectedAndInvalidJobsEndAsFailed() {
        ErrorInfo rejection =
                new ErrorInfo("invalid_type", "line 3: body.n must be an integer", "body.n");
        driver.prompt(
                IngestDriver.job("b/1")
                        .setBatchId("b")
                        .setTenant("acme")
                        .setRejection(rejection)
                        .setMetadata(Map.of("k", "v")));
        driver.prompt(IngestDriver.job("2").setMessages(List.of()));

        List<Completion> ended = driver.completions();
        assertEquals(2, ended.size());
        Completion first = ended.getFirst();
        assertEquals(CompletionStatus.FAILED, first.getStatus());
        assertEquals(rejection, first.getError());
        assertEquals("b/1", first.getJobId());
        assertEquals("c-b/1", first.getCustomId());
        assertEquals("b", first.getBatchId());
        assertEquals("acme", first.getTenant());
        assertEquals("m", first.getModel());
        assertEquals(Map.of("k", "v"), first.getMetadata());
        assertEquals(IngestDriver.START, first.getCreatedAt());
        assertEquals(driver.now(), first.getFinishedAt());
        assertNull(first.getStartedAt());
        assertNull(first.getUsage());
        assertEquals("ingest", first.getWorkerId());
        assertEquals("body.messages", ended.get(1).getError().getParam());
        assertTrue(driver.ready().isEmpty());
    }

    @Test
    void deadlineInThePastEndsAsExpired() {
        driver.prompt(IngestDriver.job("late").setDeadline(IngestDriver.START));
        driver.prompt(IngestDriver.job("intime").setDeadline(IngestDriver.START.plusSeconds(1)));
        Completion ended = driver.completions().getFirst();
        assertEquals(CompletionStatus.EXPIRED, ended.getStatus());
        assertEquals("late", ended.getJobId());
        assertEquals("deadline_exceeded", ended.getError().getCode());
        assertEquals("intime", driver.ready().getFirst().value().getJobId());
    }

    @Test
    void unknownModelIsNamed() {
        startWith(config.withModels("default", Map.of(), Set.of("m")));
        driver.prompt(IngestDriver.job("1").setModel("nope"));
        driver.prompt(IngestDriver.job("2"));
        ErrorInfo error = driver.completions().getFirst().getError();
        assertEquals("model_not_found", error.getCode());
        assertEquals("body.model", error.getParam());
        assertTrue(error.getMessage().contains("'nope'"), error::getMessage);
        assertEquals(1, driver.ready().size());
    }

    @Test
    void secondJobOfAnIdIsDropped() {
        driver.prompt(IngestDriver.job("1"));
        driver.prompt(IngestDriver.job("1"));
        driver.prompt(IngestDriver.job("2").setMessages(List.of()));
        driver.prompt(IngestDriver.job("2"));
        driver.prompt(IngestDriver.job("3"));
        assertEquals(
                List.of("1", "3"),
                driver.ready().stream().map(record -> record.value().getJobId()).toList());
        assertEquals(
                List.of("2"), driver.completions().stream().map(Completion::getJobId).toList());
        assertEquals(2, driver.count(Outcome.DUPLICATE));
    }

    @Test
    void idsAreForgottenAfterTheRetentionAndNotBefore() {
        Duration retention = Duration.ofMinutes(10);
        startWith(config.withDedupeRetention(retention));
        driver.prompt(IngestDriver.job("1"));
        for (int minute = 0; minute < 10; minute++) {
            driver.advance(Duration.ofMinutes(1));
            driver.prompt(IngestDriver.job("other-" + minute));
            driver.prompt(IngestDriver.job("1"));
        }
        assertEquals(10, driver.count(Outcome.DUPLICATE));
        driver.advance(retention);
        driver.prompt(IngestDriver.job("1"));
        assertEquals(10, driver.count(Outcome.DUPLICATE), "two retentions later the id is new");
        assertEquals(12, driver.ready().size());
    }

    @Test
    void strayKeyGoesRoundOnceAndIsDeduped() {
        PromptJob job = IngestDriver.job("1").build();
        driver.raw(null, driver.bytes(job), new RecordHeaders());
        driver.raw("else".getBytes(StandardCharsets.UTF_8), driver.bytes(job), new RecordHeaders());
        driver.prompt(IngestDriver.job("1"));
        assertEquals(
                List.of("1"),
                driver.ready().stream().map(record -> record.value().getJobId()).toList());
        assertEquals(2, driver.count(Outcome.REKEYED));
        assertEquals(2, driver.count(Outcome.DUPLICATE));
    }

    @Test
    void talliesAreCumulativePerSubmissionAndSentWhenTheyChange() {
        driver.prompt(
                IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s1").setTenant("acme"));
        driver.prompt(
                IngestDriver.job("b/2")
                        .setBatchId("b")
                        .setSubmissionId("s1")
                        .setTenant("acme")
                        .setMessages(List.of()));
        driver.prompt(
                IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s2").setTenant("acme"));
        driver.prompt(IngestDriver.job("nobatch"));
        driver.advance(Duration.ofMillis(200));
        List<BatchEvent> events = driver.batchEvents();
        assertEquals(2, events.size());
        BatchEvent first = events.getFirst();
        assertEquals(BatchEventKind.TALLY, first.getKind());
        assertEquals("b", first.getBatchId());
        assertEquals("acme", first.getTenant());
        assertEquals("millrace-ingest/0_0", first.getSource());
        assertTally(first, "s1", 2, 0);
        assertTally(events.get(1), "s2", 0, 1);

        driver.advance(Duration.ofSeconds(5));
        assertEquals(List.of(), driver.batchEvents(), "nothing changed");
        driver.prompt(IngestDriver.job("b/3").setBatchId("b").setSubmissionId("s1"));
        driver.advance(Duration.ofMillis(200));
        assertTally(driver.batchEvents().getFirst(), "s1", 3, 0);
    }

    private static void assertTally(
            BatchEvent event, String submission, long admitted, long duplicates) {
        assertEquals(submission, event.getSubmissionId());
        assertEquals(admitted, event.getAdmitted());
        assertEquals(duplicates, event.getDuplicates());
    }

    @Test
    void aNewTaskOverTheSameStoresGoesOnWhereTheOldOneWas() {
        driver.prompt(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s"));
        driver.prompt(
                IngestDriver.job("b/2")
                        .setBatchId("b")
                        .setSubmissionId("s")
                        .setSharedPrefixId("late"));
        driver = driver.restart();
        driver.prompt(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s"));
        driver.prompt(
                IngestDriver.job("b/2")
                        .setBatchId("b")
                        .setSubmissionId("s")
                        .setSharedPrefixId("late"));
        assertEquals(2, driver.count(Outcome.DUPLICATE));
        assertTrue(driver.ready().isEmpty());
        driver.sharedPrefix("late", "default", "Shared.");
        driver.advance(Duration.ofSeconds(1));
        assertEquals(
                List.of("b/2"),
                driver.ready().stream().map(record -> record.value().getJobId()).toList());
        driver.advance(Duration.ofMillis(200));
        List<BatchEvent> events = driver.batchEvents();
        assertTally(events.getLast(), "s", 2, 2);
    }

    @Test
    void hotPrefixIsSpreadOverItsKeys() {
        startWith(config.withHotPrefixes(10, 4));
        for (int i = 0; i < 210; i++) {
            driver.prompt(IngestDriver.job("j" + i));
        }
        List<String> keys = driver.ready().stream().map(TestRecord::key).toList();
        String cold = keys.getFirst();
        assertEquals(List.of(cold), keys.subList(0, 10).stream().distinct().toList());
        assertEquals(
                Set.of(cold + "-0", cold + "-1", cold + "-2", cold + "-3"),
                Set.copyOf(keys.subList(10, 210)));
    }

    @Test
    void jobLargerThanTheTopicTakesFailsAndDoesNotStopIngest() {
        startWith(config.withRecordBytesMax(4096));
        driver.sharedPrefix("p", "default", "x".repeat(4096));
        driver.prompt(IngestDriver.job("1").setSharedPrefixId("p").setMetadata(Map.of("k", "v")));
        driver.prompt(IngestDriver.job("2").setMetadata(Map.of("big", "x".repeat(8192))));
        driver.raw(null, new byte[5000], new RecordHeaders());
        driver.prompt(IngestDriver.job("3"));
        List<Completion> ended = driver.completions();
        assertEquals(List.of("1", "2"), ended.stream().map(Completion::getJobId).toList());
        assertEquals("request_too_large", ended.getFirst().getError().getCode());
        assertEquals(Map.of("k", "v"), ended.getFirst().getMetadata());
        assertEquals(Map.of(), ended.get(1).getMetadata(), "there is no room for them");
        DeadLetter letter = driver.deadLetters().getFirst();
        assertNull(letter.getValue());
        assertTrue(
                letter.getError().getMessage().contains("5000 bytes"),
                letter.getError()::getMessage);
        assertEquals(1, driver.ready().size());
    }

    private static String text(TestRecord<String, PromptJob> record, String header) {
        return new String(record.headers().lastHeader(header).value(), StandardCharsets.UTF_8);
    }
}
