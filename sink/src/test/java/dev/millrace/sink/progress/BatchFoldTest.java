package dev.millrace.sink.progress;

import static dev.millrace.sink.SinkFixtures.at;
import static dev.millrace.sink.SinkFixtures.cancelRequested;
import static dev.millrace.sink.SinkFixtures.finished;
import static dev.millrace.sink.SinkFixtures.opened;
import static dev.millrace.sink.SinkFixtures.sealed;
import static dev.millrace.sink.SinkFixtures.tally;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.BatchEvent;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.schemas.CompletionStatus;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

class BatchFoldTest {
    @Test
    void batchPassesThroughItsStates() {
        BatchProgress batch = fold(null, opened("b", "r1"));
        assertEquals(BatchStatus.VALIDATING, batch.getStatus());
        batch = fold(batch, tally("b", "r1", "0_0", 2, 0));
        assertEquals(BatchStatus.IN_PROGRESS, batch.getStatus());
        assertEquals(at(2), batch.getInProgressAt());
        batch = fold(batch, sealed("b", "r1", 3), done(), done());
        assertEquals(BatchStatus.IN_PROGRESS, batch.getStatus());
        batch = fold(batch, done());
        assertEquals(
                BatchStatus.FINALIZING,
                batch.getStatus(),
                "three published, three ended, the third not yet counted by ingest");
        assertNull(batch.getCompletedAt());
        batch = fold(batch, tally("b", "r1", "0_0", 3, 0));
        assertEquals(BatchStatus.COMPLETED, batch.getStatus());
        assertEquals(at(3), batch.getCompletedAt());
        assertEquals(at(0), batch.getCreatedAt());
        assertEquals(3, batch.getCompleted());
        assertEquals(30, batch.getPromptTokens());
        assertEquals(12, batch.getCachedTokens());
        assertEquals(9, batch.getCompletionTokens());
    }

    @Test
    void everyOrderOfArrivalEndsInTheSameProgress() {
        long seed = 20260102;
        Random random = new Random(seed);
        List<BatchEvent> events =
                new ArrayList<>(
                        List.of(
                                opened("b", "r1"), sealed("b", "r1", 6),
                                tally("b", "r1", "0_0", 1, 0), tally("b", "r1", "0_0", 3, 1),
                                tally("b", "r1", "0_1", 2, 0), tally("b", "r1", "0_1", 1, 0)));
        List<CompletionStatus> endings =
                List.of(
                        CompletionStatus.COMPLETED,
                        CompletionStatus.FAILED,
                        CompletionStatus.COMPLETED,
                        CompletionStatus.COMPLETED,
                        CompletionStatus.FAILED);
        for (CompletionStatus status : endings) {
            events.add(finished("b", status));
        }
        for (int round = 0; round < 500; round++) {
            Collections.shuffle(events, random);
            BatchProgress batch = fold(null, events.toArray(BatchEvent[]::new));
            String where = "seed " + seed + " round " + round + ": " + batch;
            assertEquals(BatchStatus.COMPLETED, batch.getStatus(), where);
            assertEquals(5, batch.getTotal(), where);
            assertEquals(1, batch.getDuplicates(), where);
            assertEquals(3, batch.getCompleted(), where);
            assertEquals(2, batch.getFailed(), where);
            assertEquals(at(0), batch.getCreatedAt(), where);
            assertEquals(at(3), batch.getUpdatedAt(), where);
        }
    }

    @Test
    void statusNeverGoesBackWithinOneRun() {
        long seed = 7;
        Random random = new Random(seed);
        List<BatchEvent> events =
                new ArrayList<>(
                        List.of(
                                opened("b", "r1"),
                                sealed("b", "r1", 4),
                                tally("b", "r1", "0_0", 2, 0),
                                tally("b", "r1", "0_1", 1, 0),
                                tally("b", "r1", "0_1", 2, 0)));
        for (int i = 0; i < 4; i++) {
            events.add(done());
        }
        List<BatchStatus> way =
                List.of(
                        BatchStatus.VALIDATING,
                        BatchStatus.IN_PROGRESS,
                        BatchStatus.FINALIZING,
                        BatchStatus.COMPLETED);
        for (int round = 0; round < 500; round++) {
            Collections.shuffle(events, random);
            BatchProgress batch = null;
            int reached = 0;
            for (BatchEvent event : events) {
                batch = fold(batch, event);
                int now = way.indexOf(batch.getStatus());
                assertTrue(now >= reached, "seed " + seed + " round " + round + ": " + batch);
                reached = now;
            }
            assertEquals(3, reached);
        }
    }

    @Test
    void repeatedTallyOpenAndSealChangeNothing() {
        BatchProgress once =
                fold(
                        null,
                        opened("b", "r1"),
                        sealed("b", "r1", 1),
                        tally("b", "r1", "0_0", 1, 0),
                        done());
        BatchProgress again =
                fold(once, opened("b", "r1"), sealed("b", "r1", 1), tally("b", "r1", "0_0", 1, 0));
        assertEquals(once, again);
        // Control: the same numbers from another source do count.
        assertEquals(2, fold(once, tally("b", "r1", "0_1", 1, 0)).getTotal());
    }

    @Test
    void rerunOfACrashedSubmitterCompletesTheBatch() {
        BatchProgress crashed =
                fold(null, opened("b", "r1"), tally("b", "r1", "0_0", 2, 0), done(), done());
        assertEquals(
                BatchStatus.IN_PROGRESS,
                crashed.getStatus(),
                "all known jobs ended, but the run was never sealed");
        BatchProgress rerun =
                fold(
                        crashed,
                        opened("b", "r2"),
                        sealed("b", "r2", 3),
                        tally("b", "r2", "0_0", 1, 2));
        assertEquals(BatchStatus.IN_PROGRESS, rerun.getStatus());
        rerun = fold(rerun, done());
        assertEquals(BatchStatus.COMPLETED, rerun.getStatus());
        assertEquals(3, rerun.getTotal());
        assertEquals(2, rerun.getDuplicates());
    }

    @Test
    void newRunReopensACompletedBatch() {
        BatchProgress completed =
                fold(
                        null,
                        opened("b", "r1"),
                        sealed("b", "r1", 1),
                        tally("b", "r1", "0_0", 1, 0),
                        done());
        assertNotNull(completed.getCompletedAt());
        BatchProgress reopened = fold(completed, opened("b", "r2"));
        assertEquals(BatchStatus.IN_PROGRESS, reopened.getStatus());
        assertNull(reopened.getCompletedAt());
        BatchProgress again =
                fold(reopened, tally("b", "r2", "0_0", 1, 1), done(), sealed("b", "r2", 2));
        assertEquals(BatchStatus.COMPLETED, again.getStatus());
        assertNotNull(again.getCompletedAt());
        assertEquals(2, again.getTotal());
    }

    @Test
    void cancelledBatchIsCancellingUntilAllItsJobsHaveEnded() {
        BatchProgress batch =
                fold(
                        null,
                        opened("b", "r1"),
                        sealed("b", "r1", 2),
                        tally("b", "r1", "0_0", 2, 0),
                        done());
        batch = fold(batch, cancelRequested("b"));
        assertEquals(BatchStatus.CANCELLING, batch.getStatus());
        assertEquals(at(2), batch.getCancellingAt());
        batch = fold(batch, finished("b", CompletionStatus.CANCELLED));
        assertEquals(BatchStatus.CANCELLED, batch.getStatus());
        assertEquals(at(3), batch.getCancelledAt());
        assertEquals(1, batch.getCompleted());
        assertEquals(1, batch.getCancelled());
    }

    @Test
    void cancelComesTooLateForAnEndedBatch() {
        BatchProgress ended =
                fold(
                        null,
                        opened("b", "r1"),
                        sealed("b", "r1", 1),
                        tally("b", "r1", "0_0", 1, 0),
                        done());
        BatchProgress after = fold(ended, cancelRequested("b"));
        assertEquals(BatchStatus.COMPLETED, after.getStatus());
        assertNull(after.getCancellingAt());
    }

    @Test
    void cancelMayComeBeforeEverythingElseAndBeRepeated() {
        BatchProgress batch = fold(null, cancelRequested("b"), cancelRequested("b"));
        assertEquals(BatchStatus.CANCELLING, batch.getStatus());
        batch = fold(batch, opened("b", "r1"), sealed("b", "r1", 1), tally("b", "r1", "0_0", 1, 0));
        assertEquals(BatchStatus.CANCELLING, batch.getStatus());
        assertEquals(
                BatchStatus.CANCELLED,
                fold(batch, finished("b", CompletionStatus.CANCELLED)).getStatus());
    }

    @Test
    void cancelledBatchWithAnOpenSubmitterWaitsForItsSealAndOneWithoutDoesNot() {
        BatchProgress open =
                fold(
                        null,
                        opened("b", "r1"),
                        tally("b", "r1", "0_0", 1, 0),
                        cancelRequested("b"),
                        finished("b", CompletionStatus.CANCELLED));
        assertEquals(BatchStatus.CANCELLING, open.getStatus());
        assertEquals(BatchStatus.CANCELLED, fold(open, sealed("b", "r1", 1)).getStatus());
        BatchProgress bare =
                fold(
                        null,
                        tally("b", "", "0_0", 1, 0),
                        cancelRequested("b"),
                        finished("b", CompletionStatus.CANCELLED));
        assertEquals(BatchStatus.CANCELLED, bare.getStatus());
    }

    @Test
    void emptyFileCompletesAtOnce() {
        BatchProgress batch = fold(null, opened("b", "r1"), sealed("b", "r1", 0));
        assertEquals(BatchStatus.COMPLETED, batch.getStatus());
        assertEquals(0, batch.getTotal());
    }

    @Test
    void jobsWithoutASubmissionAreCountedButNeverSealed() {
        BatchProgress batch = fold(null, tally("b", "", "0_0", 1, 0), done());
        assertEquals(BatchStatus.IN_PROGRESS, batch.getStatus());
        // Control: they do not keep a sealed run beside them from completing, whichever came first.
        BatchProgress beside =
                fold(
                        batch,
                        opened("b", "r1"),
                        sealed("b", "r1", 1),
                        tally("b", "r1", "0_0", 1, 0),
                        done());
        assertEquals(BatchStatus.COMPLETED, beside.getStatus());
    }

    @ParameterizedTest
    @EnumSource(
            value = CompletionStatus.class,
            names = {"EXPIRED", "CANCELLED"})
    void oneUnfinishedJobNamesTheEndOfTheBatch(CompletionStatus status) {
        BatchProgress batch =
                fold(
                        null,
                        opened("b", "r1"),
                        sealed("b", "r1", 2),
                        tally("b", "r1", "0_0", 2, 0),
                        done());
        batch = fold(batch, finished("b", status));
        assertEquals(BatchStatus.valueOf(status.name()), batch.getStatus());
        assertNull(batch.getCompletedAt());
        assertNotNull(
                status == CompletionStatus.EXPIRED ? batch.getExpiredAt() : batch.getCancelledAt());
    }

    @Test
    void metadataOfTheSubmitterStays() {
        BatchEvent opened = opened("b", "r1");
        opened.setMetadata(Map.of("team", "search"));
        assertEquals(Map.of("team", "search"), fold(null, opened, done()).getMetadata());
    }

    @Test
    void progressBeforeIsNotChanged() {
        BatchProgress before = fold(null, opened("b", "r1"), tally("b", "r1", "0_0", 1, 0));
        BatchProgress copy = BatchProgress.newBuilder(before).build();
        fold(before, tally("b", "r1", "0_0", 5, 0), sealed("b", "r1", 9), done());
        assertEquals(copy, before);
    }

    @Test
    void eventsThatMakeNoSenseAreRefused() {
        BatchProgress batch = fold(null, opened("b", "r1"));
        assertThrows(
                IllegalArgumentException.class,
                () -> BatchFold.apply(batch, opened("other", "r1")));
        BatchEvent without = finished("b", CompletionStatus.COMPLETED);
        without.setStatus(null);
        assertThrows(IllegalArgumentException.class, () -> BatchFold.apply(batch, without));
    }

    private static BatchEvent done() {
        return finished("b", CompletionStatus.COMPLETED);
    }

    private static BatchProgress fold(BatchProgress before, BatchEvent... events) {
        BatchProgress batch = before;
        for (BatchEvent event : events) {
            batch = BatchFold.apply(batch, event);
        }
        return batch;
    }
}
