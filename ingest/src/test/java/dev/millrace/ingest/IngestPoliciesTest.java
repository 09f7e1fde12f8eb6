package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ingest.IngestMetrics.Outcome;
import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKind;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Answers sent again, and quotas of tenants. */
class IngestPoliciesTest {
    @TempDir Path stateDir;

    private IngestDriver driver;

    private void start(TestInfo test, IngestPolicies policies) {
        String scope = "policies-" + test.getTestMethod().orElseThrow().getName();
        IngestConfig config = IngestDriver.config(stateDir, scope).withPolicies(policies);
        driver = new IngestDriver(config, IngestDriver.START);
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void anAnsweredJobThatComesAgainGetsItsStoredAnswer(TestInfo test) {
        start(test, new IngestPolicies(true, false, Map.of(), 1));
        driver.prompt(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s1"));
        driver.prompt(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s2"));
        assertEquals(List.of(), driver.completions(), "not answered yet: its answer will come");
        Completion answer = answer("b/1");
        driver.complete(answer);
        driver.prompt(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s3"));
        driver.advance(Duration.ofMillis(200));

        assertEquals(1, readyIds().size(), "it ran once");
        List<Completion> again = driver.completions();
        assertEquals(1, again.size());
        assertEquals("b/1", again.getFirst().getServedFrom());
        again.getFirst().setServedFrom(null);
        assertEquals(answer, again.getFirst());
        assertEquals(1, driver.count(Outcome.RE_EMITTED));
        BatchEvent tally =
                driver.batchEvents().stream()
                        .filter(event -> event.getSubmissionId().equals("s3"))
                        .findFirst()
                        .orElseThrow();
        assertEquals(0, tally.getAdmitted());
        assertEquals(1, tally.getDuplicates(), "the batch counts it as a duplicate, as ever");
        // What was sent again is stored as well: a third time gives the same.
        driver.prompt(IngestDriver.job("b/1").setBatchId("b").setSubmissionId("s4"));
        assertEquals("b/1", driver.completions().getFirst().getServedFrom());
    }

    @Test
    void anAnswerIsForgottenWithItsJob(TestInfo test) {
        start(test, new IngestPolicies(true, false, Map.of(), 1));
        driver.prompt(IngestDriver.job("1"));
        driver.complete(answer("1"));
        driver.advance(driver.config.dedupeRetention().multipliedBy(2).plusDays(1));
        driver.prompt(IngestDriver.job("1"));
        assertEquals(List.of(), driver.completions());
        assertEquals(2, readyIds().size(), "nobody remembers it: it runs again");
    }

    @Test
    void withoutThePolicyDuplicatesAreDropped(TestInfo test) {
        start(test, IngestPolicies.NONE);
        driver.prompt(IngestDriver.job("1"));
        driver.prompt(IngestDriver.job("1"));
        assertEquals(List.of(), driver.completions());
        assertEquals(1, driver.count(Outcome.DUPLICATE));
        assertEquals(0, driver.count(Outcome.RE_EMITTED));
    }

    @Test
    void whatExceedsAQuotaIsHeldBackUntilEarlierJobsHaveEnded(TestInfo test) {
        start(test, new IngestPolicies(false, false, Map.of("small", TenantQuota.parse("jobs:2")), 1));
        for (int i = 0; i < 6; i++) {
            driver.prompt(IngestDriver.job("s" + i).setTenant("small"));
            driver.advance(Duration.ofMillis(1));
            driver.prompt(IngestDriver.job("f" + i).setTenant("free"));
        }
        List<String> routed = new ArrayList<>(readyIds());
        assertEquals(
                List.of("s0", "s1"), routed.stream().filter(id -> id.startsWith("s")).toList());
        assertEquals(
                6,
                routed.stream().filter(id -> id.startsWith("f")).count(),
                "others are not concerned");
        driver.advance(Duration.ofSeconds(1));
        assertEquals(List.of(), readyIds());
        driver.complete(answer("s1"));
        driver.complete(answer("s1"));
        driver.advance(Duration.ofSeconds(1));
        assertEquals(
                List.of("s2"), readyIds(), "one ended, however often it is told; one may follow");
        for (int i = 0; i < 6; i++) {
            driver.complete(answer("s" + i));
            driver.advance(Duration.ofSeconds(1));
            routed.addAll(readyIds());
        }
        assertTrue(routed.containsAll(List.of("s3", "s4", "s5")), routed.toString());
        assertEquals(List.of(), driver.completions(), "nobody was refused");
    }

    @Test
    void moreThanMayBeHeldIsRefusedAndCancelledOnesEnd(TestInfo test) {
        start(
                test,
                new IngestPolicies(
                        false,
                        false,
                        Map.of(TenantQuota.EVERYONE_ELSE, TenantQuota.parse("jobs:1,held:1")),
                        1));
        for (int i = 0; i < 3; i++) {
            driver.prompt(IngestDriver.job("b/" + i).setBatchId("b").setTenant("any"));
        }
        Completion refused = driver.completions().getFirst();
        assertEquals("b/2", refused.getJobId());
        assertEquals(CompletionStatus.FAILED, refused.getStatus());
        assertEquals("quota_exceeded", refused.getError().getCode());
        driver.order(ControlCommand.newBuilder().setKind(ControlKind.CANCEL).setBatchId("b"));
        driver.advance(Duration.ofSeconds(1));
        Completion cancelled = driver.completions().getFirst();
        assertEquals("b/1", cancelled.getJobId());
        assertEquals(CompletionStatus.CANCELLED, cancelled.getStatus());
        assertNull(cancelled.getUsage());
    }

    @Test
    void tokensAreCountedByEstimateAndOneJobAlwaysFits(TestInfo test) {
        start(test, new IngestPolicies(false, false, Map.of("t", TenantQuota.parse("tokens:100")), 1));
        driver.prompt(job("large", 500));
        assertEquals(List.of("large"), readyIds(), "alone, however large");
        driver.prompt(job("small", 10));
        assertEquals(List.of(), readyIds());
        driver.advance(Duration.ofMillis(1));
        driver.complete(answer("large"));
        driver.prompt(job("second", 10));
        driver.advance(Duration.ofSeconds(1));
        assertEquals(List.of("small", "second"), readyIds(), "in their order");
    }

    @Test
    void quotasAreReadFromText(TestInfo test) {
        start(test, IngestPolicies.NONE);
        assertEquals(
                new TenantQuota(10_000, 5, 7), TenantQuota.parse("jobs:10_000, tokens:5,held:7"));
        assertEquals(Long.MAX_VALUE, TenantQuota.parse("jobs:1").tokens());
        for (String wrong : List.of("", "jobs", "jobs:x", "job:3", "jobs:0", "jobs:1;tokens:2")) {
            assertThrows(IllegalArgumentException.class, () -> TenantQuota.parse(wrong), wrong);
        }
    }

    private List<String> readyIds() {
        return driver.ready().stream().map(record -> record.value().getJobId()).toList();
    }

    private static dev.millrace.schemas.PromptJob.Builder job(String id, int maxTokens) {
        var job = IngestDriver.job(id).setTenant("t");
        job.getSampling().setMaxTokens(maxTokens);
        return job;
    }

    private static Completion answer(String id) {
        Choice choice =
                Choice.newBuilder().setIndex(0).setText("four").setFinishReason("stop").build();
        return Completion.newBuilder()
                .setJobId(id)
                .setCustomId("c-" + id)
                .setBatchId("b")
                .setModel("m")
                .setStatus(CompletionStatus.COMPLETED)
                .setChoices(List.of(choice))
                .setCreatedAt(IngestDriver.START)
                .setFinishedAt(IngestDriver.START.plusSeconds(5))
                .build();
    }
}
