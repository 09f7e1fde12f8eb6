package dev.millrace.sink.topology;

import static dev.millrace.sink.SinkFixtures.cancel;
import static dev.millrace.sink.SinkFixtures.completion;
import static dev.millrace.sink.SinkFixtures.ended;
import static dev.millrace.sink.SinkFixtures.failure;
import static dev.millrace.sink.SinkFixtures.finished;
import static dev.millrace.sink.SinkFixtures.opened;
import static dev.millrace.sink.SinkFixtures.sealed;
import static dev.millrace.sink.SinkFixtures.tally;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.TenantUsage;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.Usage;
import dev.millrace.schemas.UsageEvent;
import dev.millrace.sink.SinkFixtures;

import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

class SinkTopologyTest {
    @TempDir Path stateDir;

    @Test
    void batchRunsToCompletionAndEachStatusIsToldAtOnce() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.events().pipeInput("b", opened("b", "r1"));
            sink.events().pipeInput("b", tally("b", "r1", "0_0", 2, 0));
            sink.events().pipeInput("b", sealed("b", "r1", 2));
            sink.completions().pipeInput("b/1", completion("b", "1"));
            sink.completions().pipeInput("b/2", failure("b", "2", "invalid_request", "why"));
            List<BatchStatus> told =
                    sink.batches().readValuesToList().stream()
                            .map(BatchProgress::getStatus)
                            .toList();
            assertEquals(
                    List.of(BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.COMPLETED),
                    told);
            BatchProgress stored = sink.stored("b");
            assertEquals(1, stored.getCompleted());
            assertEquals(1, stored.getFailed());
            assertEquals(10, stored.getPromptTokens());
        }
    }

    @Test
    void cancelOnTheControlTopicMakesTheBatchCancelling() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.events().pipeInput("b", tally("b", "r1", "0_0", 1, 0));
            sink.control().pipeInput("job/b/1/cancel", cancel(null, "b/1"));
            assertEquals(
                    BatchStatus.IN_PROGRESS, sink.stored("b").getStatus(), "an order to one job");
            sink.control().pipeInput("batch/b/cancel", cancel("b", null));
            assertEquals(
                    BatchStatus.CANCELLING,
                    sink.batches().readValuesToList().getLast().getStatus());
            sink.events().pipeInput("b", sealed("b", "r1", 1));
            sink.completions()
                    .pipeInput("b/1", ended("b", "1", CompletionStatus.CANCELLED).build());
            assertEquals(
                    BatchStatus.CANCELLED, sink.batches().readValuesToList().getLast().getStatus());
        }
    }

    @Test
    void anAnswerSentAgainCountsNowhere() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.completions().pipeInput("b/1", completion("b", "1"));
            sink.completions()
                    .pipeInput(
                            "b/1",
                            ended("b", "1", CompletionStatus.COMPLETED)
                                    .setServedFrom("b/1")
                                    .build());
            assertEquals(1, sink.stored("b").getCompleted());
            // The control: an answer that another job's work gave to a new job does count.
            sink.completions()
                    .pipeInput(
                            "b/2",
                            ended("b", "2", CompletionStatus.COMPLETED)
                                    .setServedFrom("b/1")
                                    .build());
            assertEquals(2, sink.stored("b").getCompleted());
        }
    }

    @Test
    void changesOfCountsAreToldInRoundsAndOnlyOnce() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.events().pipeInput("b", tally("b", "r1", "0_0", 1, 0));
            assertEquals(1, sink.batches().readValuesToList().size());
            for (int i = 0; i < 50; i++) {
                sink.completions().pipeInput("b/" + i, completion("b", "" + i));
            }
            assertTrue(sink.batches().isEmpty());
            sink.advance(SinkDriver.ROUND);
            List<BatchProgress> told = sink.batches().readValuesToList();
            assertEquals(1, told.size());
            assertEquals(50, told.getFirst().getCompleted());
            sink.advance(SinkDriver.ROUND.multipliedBy(5));
            assertTrue(sink.batches().isEmpty(), "nothing changed, nothing is told");
        }
    }

    @Test
    void anyOrderOfArrivalEndsInTheSameCounts() {
        long seed = 42;
        Random random = new Random(seed);
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            for (int round = 0; round < 20; round++) {
                String batch = "b" + round;
                List<Runnable> arrivals =
                        new ArrayList<>(
                                List.of(
                                        () -> sink.events().pipeInput(batch, opened(batch, "r1")),
                                        () ->
                                                sink.events()
                                                        .pipeInput(batch, sealed(batch, "r1", 11)),
                                        () ->
                                                sink.events()
                                                        .pipeInput(
                                                                batch,
                                                                tally(batch, "r1", "0_0", 4, 1)),
                                        () ->
                                                sink.events()
                                                        .pipeInput(
                                                                batch,
                                                                tally(batch, "r1", "0_0", 2, 0)),
                                        () ->
                                                sink.events()
                                                        .pipeInput(
                                                                batch,
                                                                tally(batch, "r1", "0_1", 6, 0))));
                for (int i = 0; i < 10; i++) {
                    String id = "" + i;
                    arrivals.add(
                            () ->
                                    sink.completions()
                                            .pipeInput(batch + "/" + id, completion(batch, id)));
                }
                Collections.shuffle(arrivals, random);
                arrivals.forEach(Runnable::run);
                BatchProgress stored = sink.stored(batch);
                assertEquals(
                        BatchStatus.COMPLETED, stored.getStatus(), "seed " + seed + ": " + stored);
                assertEquals(10, stored.getTotal(), "seed " + seed);
                assertEquals(10, stored.getCompleted(), "seed " + seed);
                assertEquals(1, stored.getDuplicates(), "seed " + seed);
            }
        }
    }

    @Test
    void rerunAfterACrashedSubmitterCompletes() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.events().pipeInput("b", opened("b", "r1"));
            sink.events().pipeInput("b", tally("b", "r1", "0_0", 1, 0));
            sink.completions().pipeInput("b/1", completion("b", "1"));
            assertEquals(BatchStatus.IN_PROGRESS, sink.stored("b").getStatus());
            sink.events().pipeInput("b", opened("b", "r2"));
            sink.events().pipeInput("b", sealed("b", "r2", 2));
            sink.events().pipeInput("b", tally("b", "r2", "0_0", 1, 1));
            sink.completions().pipeInput("b/2", completion("b", "2"));
            assertEquals(BatchStatus.COMPLETED, sink.stored("b").getStatus());
        }
    }

    @Test
    void unreadableRecordsBecomeDeadLettersAndTheOthersGoOn() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            byte[] noAvro = {1, 2, 3};
            RecordHeaders headers = new RecordHeaders();
            headers.add("traceparent", new byte[] {9});
            sink.rawCompletions().pipeInput(new TestRecord<>("k".getBytes(), noAvro, headers));
            sink.completions().pipeInput("b/1", completion("b", "1"));
            DeadLetter letter = sink.deadLetters().readValue();
            assertEquals(Topics.COMPLETIONS, letter.getSourceTopic());
            assertEquals(0, letter.getSourceOffset());
            assertArrayEquals(noAvro, letter.getValue().array());
            assertArrayEquals("k".getBytes(), letter.getKey().array());
            assertArrayEquals(new byte[] {9}, letter.getHeaders().get("traceparent").array());
            assertEquals("unreadable_record", letter.getError().getCode());
            assertEquals("sink", letter.getFailedBy());
            assertTrue(sink.deadLetters().isEmpty());
            assertEquals(1, sink.stored("b").getCompleted());
            assertEquals(1, sink.counter("millrace_sink_dead_letters"));
        }
    }

    @Test
    void recordsThatMakeNoSenseBecomeDeadLetters() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.rawCompletions().pipeInput("k".getBytes(), (byte[]) null);
            assertEquals(
                    "the record has no value",
                    sink.deadLetters().readValue().getError().getMessage());
            sink.rawCompletions().pipeInput("k".getBytes(), sink.bytes(opened("b", "r1")));
            assertEquals(
                    "unreadable_record",
                    sink.deadLetters().readValue().getError().getCode(),
                    "readable Avro of another type");
            sink.events().pipeInput("b", finished("b", CompletionStatus.COMPLETED));
            assertTrue(sink.deadLetters().readValue().getError().getMessage().contains("FINISHED"));
            sink.events().pipeInput("", opened("", "r1"));
            assertEquals(
                    "batchId is empty", sink.deadLetters().readValue().getError().getMessage());
            assertTrue(sink.batches().isEmpty());
        }
    }

    @Test
    void registryThatDoesNotAnswerIsNoReasonToSetARecordAside() {
        // Port 9 of the loopback address: nobody answers there.
        try (SinkDriver sink =
                new SinkDriver(
                        stateDir,
                        Map.of("schema.registry.url", "http://127.0.0.1:9", "max.retries", 0))) {
            byte[] framed = {0, 0, 0, 0, 1, 2};
            var topic = sink.rawCompletions();
            assertThrows(RuntimeException.class, () -> topic.pipeInput("k".getBytes(), framed));
        }
    }

    @Test
    void jobsWithoutABatchAreCountedAndNothingElse() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.completions().pipeInput("job", ended("", "1", CompletionStatus.EXPIRED).build());
            sink.advance(SinkDriver.ROUND);
            assertTrue(sink.batches().isEmpty());
            assertEquals(1, sink.counter("millrace_sink_completions", "expired"));
            assertEquals(0, sink.counter("millrace_sink_completions", "completed"));
        }
    }

    @Test
    void usageAddsUpPerTenantAndModel() {
        try (SinkDriver sink = new SinkDriver(stateDir)) {
            sink.usage().pipeInput("t", usage("t", "org/m"));
            sink.usage().pipeInput("t", usage("t", "org/m"));
            sink.usage().pipeInput("t", usage("t", "other"));
            assertTrue(sink.totals().isEmpty());
            sink.advance(SinkDriver.ROUND);
            Map<String, TenantUsage> totals = sink.totals().readKeyValuesToMap();
            assertEquals(2, totals.size());
            TenantUsage both = totals.get("t/org/m");
            assertNotNull(both);
            assertEquals(2, both.getJobs());
            assertEquals(20, both.getPromptTokens());
            assertEquals(8, both.getCachedTokens());
            assertEquals(6, both.getCompletionTokens());
        }
    }

    private static UsageEvent usage(String tenant, String model) {
        return new UsageEvent("job", "b", tenant, model, new Usage(10, 4, 3), SinkFixtures.T0);
    }
}
