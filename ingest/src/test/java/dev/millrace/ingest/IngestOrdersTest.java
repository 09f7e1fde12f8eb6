package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.ingest.IngestMetrics.Outcome;
import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.PromptJob;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** What ingest does with jobs about which the control topic says something. */
class IngestOrdersTest {
    @TempDir Path stateDir;

    private IngestDriver driver;

    @BeforeEach
    void start(TestInfo test) {
        String scope = "orders-" + test.getTestMethod().orElseThrow().getName();
        driver = new IngestDriver(IngestDriver.config(stateDir, scope), IngestDriver.START);
    }

    @AfterEach
    void stop() {
        driver.close();
    }

    @Test
    void jobsOfACancelledBatchEndHereAndCount() {
        driver.order(order(ControlKind.CANCEL).setBatchId("b"));
        driver.prompt(IngestDriver.job("b/1").setBatchId("b"));
        driver.prompt(IngestDriver.job("c/1").setBatchId("c"));
        driver.prompt(IngestDriver.job("b/1").setBatchId("b"));
        driver.advance(Duration.ofMillis(200));

        Completion ended = driver.completions().getFirst();
        assertEquals("b/1", ended.getJobId());
        assertEquals(CompletionStatus.CANCELLED, ended.getStatus());
        assertEquals("batch_cancelled", ended.getError().getCode());
        assertNull(ended.getUsage());
        assertEquals(List.of("c/1"), readyIds());
        assertEquals(1, driver.count(Outcome.CANCELLED));
        BatchEvent tally =
                driver.batchEvents().stream()
                        .filter(each -> each.getBatchId().equals("b"))
                        .findFirst()
                        .orElseThrow();
        assertEquals(1, tally.getAdmitted());
        assertEquals(1, tally.getDuplicates());
    }

    @Test
    void oneJobCanBeCancelledWhileItWaitsForItsPrefix() {
        driver.prompt(IngestDriver.job("1").setSharedPrefixId("p"));
        driver.prompt(IngestDriver.job("2").setSharedPrefixId("p"));
        driver.order(order(ControlKind.CANCEL).setJobId("1"));
        driver.sharedPrefix("p", "default", "You are brief.");
        driver.advance(Duration.ofSeconds(1));
        assertEquals(
                List.of("1"), driver.completions().stream().map(Completion::getJobId).toList());
        assertEquals(List.of("2"), readyIds());
    }

    @Test
    void priorityAndDeadlineTravelInTheJobAndTheJobsOwnOrderComesFirst() {
        driver.order(order(ControlKind.SET_PRIORITY).setBatchId("b").setPriority(5));
        driver.order(order(ControlKind.SET_PRIORITY).setJobId("b/2").setPriority(-5));
        driver.order(
                order(ControlKind.SET_DEADLINE)
                        .setBatchId("b")
                        .setDeadline(IngestDriver.START.plusSeconds(60)));
        driver.order(
                order(ControlKind.SET_DEADLINE).setJobId("b/3").setDeadline(IngestDriver.START));
        driver.order(order(ControlKind.SET_DEADLINE).setJobId("b/2").setDeadline(null));
        for (int i = 1; i <= 3; i++) {
            driver.prompt(
                    IngestDriver.job("b/" + i)
                            .setBatchId("b")
                            .setDeadline(IngestDriver.START.plusSeconds(9)));
        }
        List<PromptJob> ready = driver.ready().stream().map(record -> record.value()).toList();
        assertEquals(List.of(5, -5), ready.stream().map(PromptJob::getPriority).toList());
        assertEquals(IngestDriver.START.plusSeconds(60), ready.getFirst().getDeadline());
        assertNull(ready.getLast().getDeadline());
        Completion late = driver.completions().getFirst();
        assertEquals("b/3", late.getJobId());
        assertEquals(CompletionStatus.EXPIRED, late.getStatus());
    }

    @Test
    void pauseDoesNotHoldJobsBackHere() {
        driver.order(order(ControlKind.PAUSE).setBatchId("b"));
        driver.prompt(IngestDriver.job("b/1").setBatchId("b"));
        assertEquals(List.of("b/1"), readyIds());
    }

    private List<String> readyIds() {
        return driver.ready().stream().map(record -> record.value().getJobId()).toList();
    }

    private static ControlCommand.Builder order(ControlKind kind) {
        return ControlCommand.newBuilder().setKind(kind);
    }
}
