package dev.millrace.ops.status;

import static dev.millrace.ops.status.StatusFixtures.at;
import static dev.millrace.ops.status.StatusFixtures.batch;
import static dev.millrace.ops.status.StatusFixtures.worker;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.ops.status.TopicLag.PartitionLag;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.ControlKeys;
import dev.millrace.schemas.ControlKind;
import dev.millrace.schemas.WorkerStats;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class StatusPrinterTest {
    private static final Instant NOW = at(100);

    @Test
    void tableShowsBatchesWorkersAndLag() {
        assertEquals("""
                BATCH   STATUS       PROGRESS                          DONE         FAILED  JOBS/S  TIME LEFT
                evals   IN_PROGRESS  ██████░░░░░░░░░░░░░░░░░░  25.0 %  500/2,000    0       5.0     5 min 00 s
                nightly COMPLETED    ████████████████████████  100.0 % 1,000/1,000  0       100.0   -

                WORKER STATE MODEL DEVICE RUNNING WAITING KV USED TOK/S IN TOK/S OUT PARTITIONS
                w1 RUNNING demo cpu 7 3 25.0 % 1,234 56 [0, 2]
                w2 LOST 1 min 40 s ago demo cpu 7 3 25.0 % - - [0, 2]
                1,234 tok/s in, 56 tok/s out, 25.0 % of prompt tokens from the prefix cache (ideal 40.0 %)

                TOPIC          UNFINISHED  GROUP
                ready.default  12          g
                """.replaceAll(" +", " "), StatusPrinter.text(snapshot()).replaceAll(" +", " "));
    }

    @Test
    void columnsStandUnderTheirHeads() {
        String[] lines = StatusPrinter.text(snapshot()).split("\n");
        assertEquals(lines[0].indexOf("PROGRESS"), lines[1].indexOf('█'));
        assertEquals(lines[0].indexOf("PROGRESS"), lines[2].indexOf('█'));
        assertEquals(lines[0].indexOf("TIME LEFT"), lines[1].indexOf("5 min"));
        for (String line : lines) {
            assertTrue(line.length() <= 120, line);
        }
    }

    @Test
    void emptyInstallationSaysSo() {
        String text = StatusPrinter.text(new StatusSnapshot(NOW, "default", List.of(), List.of(), List.of()));
        assertTrue(text.contains("No batches yet."), text);
        assertTrue(text.contains("No workers in pool default."), text);
    }

    @Test
    void aBatchThatIsHeldSaysWhy() {
        BatchProgress open = batch("evals", BatchStatus.IN_PROGRESS, 5, 20, 10);
        WorkerStats held = worker("w1", "RUNNING", NOW);
        held.setHoldReason("circuit breaker open");
        List<WorkerRow> moving = rows(worker("w2", "RUNNING", NOW));
        assertNull(HoldReasons.of(open, Map.of(), moving));
        List<WorkerRow> halfHeld = rows(held, worker("w2", "RUNNING", NOW));
        assertNull(HoldReasons.of(open, Map.of(), halfHeld), "one takes jobs");
        assertEquals("w1 takes no jobs: circuit breaker open", HoldReasons.of(open, Map.of(), rows(held)));
        assertEquals("no worker is live in the pool",
                HoldReasons.of(open, Map.of(), rows(worker("w3", "RUNNING", at(0)))));
        assertEquals("paused by order", HoldReasons.of(open, order(ControlKind.PAUSE), moving));
        assertNull(HoldReasons.of(open, order(ControlKind.RESUME), moving));
        BatchProgress ended = batch("evals", BatchStatus.COMPLETED, 20, 20, 10);
        assertNull(HoldReasons.of(ended, order(ControlKind.PAUSE), List.of()));
        BatchRow row = BatchRow.of(open, OptionalDouble.empty(), "paused by order");
        String text = StatusPrinter.text(
                new StatusSnapshot(NOW, "default", List.of(row), rows(held), List.of()));
        assertTrue(text.contains("\nevals waits: paused by order\n"), text);
        assertTrue(text.contains("\nw1 takes no jobs: circuit breaker open\n"), text);
    }

    private static List<WorkerRow> rows(WorkerStats... workers) {
        return StatusReader.workerRows(List.of(workers), "default", NOW);
    }

    private static Map<String, ControlCommand> order(ControlKind kind) {
        ControlCommand command = ControlCommand.newBuilder().setBatchId("evals").setKind(kind)
                .setCommandId("c").setIssuedBy("test").setAt(NOW).build();
        return Map.of(ControlKeys.of(command), command);
    }

    @Test
    void timesReadLikeTimes() {
        assertEquals("0 s", StatusPrinter.duration(0.2));
        assertEquals("59 s", StatusPrinter.duration(59.4));
        assertEquals("1 min 00 s", StatusPrinter.duration(60));
        assertEquals("2 h 05 min", StatusPrinter.duration(2 * 3600 + 5 * 60 + 7));
    }

    @Test
    void barIsFullOnlyWhenAllIsDone() {
        assertFalse(StatusPrinter.bar(999, 1000).endsWith("█"));
        assertTrue(StatusPrinter.bar(1000, 1000).endsWith("█"));
        assertTrue(StatusPrinter.bar(0, 0).startsWith("░"));
    }

    @Test
    void jsonHoldsTheSame() throws IOException {
        JsonNode json = new ObjectMapper().readTree(StatusJson.text(snapshot()));
        assertEquals(NOW.getEpochSecond(), json.get("at").asLong());
        assertEquals("in_progress", json.at("/batches/0/status").asText());
        assertEquals(2000, json.at("/batches/0/request_counts/total").asLong());
        assertEquals(300, json.at("/batches/0/seconds_left").asDouble());
        assertTrue(json.at("/batches/1/seconds_left").isNull());
        assertEquals("lost", json.at("/workers/1/state").asText());
        assertEquals(12, json.at("/lag/0/records").asLong());
        assertEquals(20, json.at("/lag/0/committed_lag").asLong());
        assertEquals(8, json.at("/lag/0/partitions/0/finished_ahead").asLong());
        assertEquals(0.25, json.at("/throughput/cached_share").asDouble());
        assertEquals(0.4, json.at("/throughput/ideal_cached_share").asDouble());
        assertFalse(StatusJson.text(snapshot()).contains("\n"), "one line, so that --watch gives JSON lines");
    }

    private static StatusSnapshot snapshot() {
        BatchRow open = BatchRow.of(
                batch("evals", BatchStatus.IN_PROGRESS, 500, 2000, 100), OptionalDouble.of(5), null);
        BatchRow ended = BatchRow.of(
                batch("nightly", BatchStatus.COMPLETED, 1000, 1000, 10), OptionalDouble.of(0),
                "what has ended waits for nothing");
        List<WorkerRow> workers = StatusReader.workerRows(
                List.of(worker("w1", "RUNNING", NOW.minusSeconds(1)), worker("w2", "RUNNING", at(0))),
                "default", NOW);
        TopicLag lag = new TopicLag("ready.default", "g", List.of(new PartitionLag(0, 120, 100, 8, 0)));
        return new StatusSnapshot(NOW, "default", List.of(open, ended), workers, List.of(lag));
    }
}
