package dev.millrace.sink.results;

import static dev.millrace.sink.SinkFixtures.progress;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.SubmissionProgress;
import dev.millrace.schemas.Topics;
import dev.millrace.sink.MockTopic;
import dev.millrace.sink.SinkFixtures;
import dev.millrace.sink.table.CompactedTable;
import dev.millrace.sink.table.TestTables;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.serialization.Serde;
import org.junit.jupiter.api.Test;

class BatchWatchTest {
    private final MockTopic topic = new MockTopic(Topics.BATCHES, 1);
    private final Serde<BatchProgress> serde = SinkFixtures.serde(BatchProgress.class);
    private final AtomicLong nowMs = new AtomicLong();
    private final List<BatchStatus> heard = new ArrayList<>();

    @Test
    void listenerHearsTheWayToTheEnd() {
        add(progress("b", BatchStatus.VALIDATING).build());
        List<BatchStatus> coming = new ArrayList<>(List.of(BatchStatus.IN_PROGRESS, BatchStatus.COMPLETED));
        topic.beforeEachPoll(() -> {
            if (hasRead(topic.consumer()) && !coming.isEmpty()) {
                add(progress("b", coming.removeFirst()).build());
            }
        });
        assertEquals(BatchStatus.COMPLETED, await("b", null).getStatus());
        assertEquals(List.of(BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.COMPLETED), heard);
    }

    @Test
    void endOfAnEarlierRunIsNotTakenForTheEndOfThisOne() {
        add(progress("b", BatchStatus.COMPLETED).setSubmissions(Map.of("r1", run(true))).build());
        List<BatchProgress> coming = new ArrayList<>(List.of(
                progress("b", BatchStatus.IN_PROGRESS)
                        .setSubmissions(Map.of("r1", run(true), "r2", run(false))).build(),
                progress("b", BatchStatus.COMPLETED).setTotal(9)
                        .setSubmissions(Map.of("r1", run(true), "r2", run(true))).build()));
        topic.beforeEachPoll(() -> {
            if (hasRead(topic.consumer()) && !coming.isEmpty()) {
                add(coming.removeFirst());
            }
        });
        assertEquals(0, await("b", "r1").getTotal(), "control: the first run has ended");
        assertEquals(2, coming.size());
        assertEquals(9, await("b", "r2").getTotal());
    }

    @Test
    void waitingTooLongSaysHowFarTheBatchIs() {
        add(progress("b", BatchStatus.IN_PROGRESS).setTotal(10).setCompleted(3).setFailed(1).build());
        topic.beforeEachPoll(() -> nowMs.addAndGet(1000));
        String message = assertThrows(BatchTimeoutException.class, () -> await("b", null)).getMessage();
        assertTrue(message.contains("IN_PROGRESS, 4 of 10 jobs ended"), message);
        assertTrue(assertThrows(BatchTimeoutException.class, () -> await("other", "r1")).getMessage()
                .contains("nothing is known"));
    }

    @Test
    void batchThatNobodySubmittedIsNotWaitedFor() {
        add(progress("nightly", BatchStatus.IN_PROGRESS).build());
        String message = assertThrows(UnknownBatchException.class, () -> await("nihgtly", null)).getMessage();
        assertEquals("there is no batch 'nihgtly'; the closest names: nightly", message);
    }

    private BatchProgress await(String batchId, String submissionId) {
        InstantSource clock = () -> Instant.ofEpochMilli(nowMs.get());
        CompactedTable<BatchProgress> table =
                TestTables.over(topic, Topics.BATCHES, serde.deserializer(), clock);
        BatchWatch.Awaited awaited = new BatchWatch.Awaited(batchId, submissionId);
        return BatchWatch.await(
                table, awaited, Duration.ofSeconds(10), batch -> heard.add(batch.getStatus()), clock);
    }

    private static boolean hasRead(MockConsumer<?, ?> consumer) {
        return consumer.position(consumer.assignment().iterator().next()) > 0;
    }

    private static SubmissionProgress run(boolean sealed) {
        return SubmissionProgress.newBuilder().setSealed(sealed).build();
    }

    private void add(BatchProgress progress) {
        topic.add(0, progress.getBatchId(), serde.serializer().serialize(Topics.BATCHES, progress));
    }
}
