package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ingest.IngestMetrics.Outcome;
import dev.millrace.schemas.ChatMessage;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.PromptJob;

import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

class SharedPrefixTopologyTest {
    @TempDir Path stateDir;

    private IngestDriver driver;

    @BeforeEach
    void start(TestInfo test) {
        String scope = "prefix-" + test.getTestMethod().orElseThrow().getName();
        driver = new IngestDriver(IngestDriver.config(stateDir, scope), IngestDriver.START);
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void sharedPrefixComesFirstAndTheIdGoes() {
        driver.sharedPrefix("p", "default", "One.", "Two.");
        driver.prompt(IngestDriver.job("1").setSharedPrefixId("p"));
        driver.prompt(
                IngestDriver.job("2")
                        .setSharedPrefixId("p")
                        .setMessages(List.of(new ChatMessage("user", "other", null))));
        List<TestRecord<String, PromptJob>> ready = driver.ready();
        PromptJob job = ready.getFirst().value();
        assertNull(job.getSharedPrefixId());
        assertEquals(
                List.of("One.", "Two.", "Be brief.", "Hi 1"),
                job.getMessages().stream().map(ChatMessage::getContent).toList());
        assertEquals(3, ready.get(1).value().getMessages().size());
        assertEquals(0, driver.count(Outcome.PARKED));
    }

    @Test
    void jobWaitsForItsPrefixAndKeepsItsHeaders() {
        RecordHeaders headers = new RecordHeaders();
        headers.add("traceparent", "00-2".getBytes(StandardCharsets.UTF_8));
        headers.add("empty", null);
        driver.raw(
                "1".getBytes(StandardCharsets.UTF_8),
                driver.bytes(IngestDriver.job("1").setSharedPrefixId("p").build()),
                headers);
        driver.prompt(IngestDriver.job("2").setSharedPrefixId("q"));
        driver.prompt(IngestDriver.job("3").setSharedPrefixId("p"));
        driver.advance(Duration.ofSeconds(10));
        assertTrue(driver.ready().isEmpty());
        driver.sharedPrefix("p", "default", "Shared.");
        driver.advance(Duration.ofSeconds(1));
        List<TestRecord<String, PromptJob>> ready = driver.ready();
        assertEquals(
                Set.of("1", "3"),
                Set.copyOf(ready.stream().map(record -> record.value().getJobId()).toList()));
        TestRecord<String, PromptJob> first =
                ready.stream()
                        .filter(r -> r.value().getJobId().equals("1"))
                        .findFirst()
                        .orElseThrow();
        assertEquals("00-2", text(first, "traceparent"));
        assertTrue(
                first.headers().lastHeader("empty") != null
                        && first.headers().lastHeader("empty").value() == null);
        assertEquals("Shared.", first.value().getMessages().getFirst().getContent());
        assertEquals(List.of(), driver.completions());

        driver.advance(Duration.ofSeconds(19));
        Completion failed = driver.completions().getFirst();
        assertEquals("2", failed.getJobId());
        assertEquals("shared_prefix_not_found", failed.getError().getCode());
        assertEquals("body.shared_prefix_id", failed.getError().getParam());
        driver.advance(Duration.ofSeconds(60));
        assertEquals(List.of(), driver.completions(), "each parked job ends once");
    }

    @Test
    void waitingJobExpiresAtItsDeadline() {
        driver.prompt(
                IngestDriver.job("1")
                        .setSharedPrefixId("p")
                        .setDeadline(IngestDriver.START.plusSeconds(5)));
        driver.advance(Duration.ofSeconds(30));
        assertEquals(CompletionStatus.EXPIRED, driver.completions().getFirst().getStatus());
    }

    @Test
    void prefixOfAnotherTenantIsNotGivenAway() {
        driver.sharedPrefix("p", "acme", "Secret.");
        driver.prompt(IngestDriver.job("1").setSharedPrefixId("p").setTenant("other"));
        driver.prompt(IngestDriver.job("2").setSharedPrefixId("p").setTenant("acme"));
        assertEquals(
                "shared_prefix_not_found", driver.completions().getFirst().getError().getCode());
        assertEquals(
                List.of("2"),
                driver.ready().stream().map(record -> record.value().getJobId()).toList());
    }

    @Test
    void unreadablePrefixFailsTheJobsThatNameIt() {
        driver.rawSharedPrefix("p", new byte[] {1, 2, 3});
        driver.prompt(IngestDriver.job("1").setSharedPrefixId("p"));
        driver.prompt(IngestDriver.job("2"));
        assertEquals(
                "shared_prefix_unreadable", driver.completions().getFirst().getError().getCode());
        assertEquals(1, driver.ready().size());
    }

    private static String text(TestRecord<String, PromptJob> record, String header) {
        return new String(record.headers().lastHeader(header).value(), StandardCharsets.UTF_8);
    }
}
