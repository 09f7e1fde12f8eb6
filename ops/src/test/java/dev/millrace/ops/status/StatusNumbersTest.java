package dev.millrace.ops.status;

import static dev.millrace.ops.status.StatusFixtures.at;
import static dev.millrace.ops.status.StatusFixtures.batch;
import static dev.millrace.ops.status.StatusFixtures.metadata;
import static dev.millrace.ops.status.StatusFixtures.worker;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.status.TopicLag.PartitionLag;
import dev.millrace.schemas.BatchStatus;
import java.util.List;
import java.util.OptionalDouble;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.Test;

class StatusNumbersTest {
    @Test
    void finishedAheadIsNoLag() {
        PartitionLag lag = TrueLag.lag(0, 100, 0, new OffsetAndMetadata(40, metadata(40, 5, 20)));
        assertEquals(20, lag.finishedAhead());
        assertEquals(40, lag.records());
        TopicLag topic = new TopicLag("t", "g", List.of(lag, new PartitionLag(1, 10, 10, 0, 0)));
        assertEquals(40, topic.records());
        assertEquals(60, topic.committedLag());
    }

    @Test
    void metadataOfOthersCountsNothing() {
        assertEquals(60, TrueLag.lag(0, 100, 0, new OffsetAndMetadata(40, "")).records());
        assertEquals(60, TrueLag.lag(0, 100, 0, new OffsetAndMetadata(40, "AgAAAZ")).records());
        assertEquals(60, TrueLag.lag(0, 100, 0, new OffsetAndMetadata(40, metadata(41, 5, 20))).records(),
                "belongs to another offset");
    }

    @Test
    void withoutACommitAllThatIsThereIsLag() {
        assertEquals(70, TrueLag.lag(0, 100, 30, null).records());
        assertEquals(70, TrueLag.lag(0, 100, 30, new OffsetAndMetadata(10, "")).records(),
                "retention has deleted up to 30");
    }

    @Test
    void rateIsTheChangeOverTheWindow() {
        RateEstimator rates = new RateEstimator();
        assertTrue(rates.sample("a", 10, at(0)).isEmpty());
        assertEquals(5, rates.sample("a", 20, at(2)).getAsDouble());
        assertTrue(rates.sample("b", 7, at(2)).isEmpty(), "each key has its own window");
        for (int second = 3; second <= 60; second++) {
            rates.sample("a", 20, at(second));
        }
        assertEquals(0, rates.sample("a", 20, at(61)).getAsDouble(), "what was long ago is forgotten");
        assertTrue(rates.sample("a", 3, at(62)).isEmpty(), "started anew");
    }

    @Test
    void timeLeftIsWhatIsLeftAtThePresentRate() {
        BatchRow first = BatchRow.of(
                batch("b", BatchStatus.IN_PROGRESS, 500, 2000, 100), OptionalDouble.empty(), null);
        assertEquals(5, first.jobsPerSecond().getAsDouble(), "at the first look the mean so far");
        assertEquals(300, first.secondsLeft().getAsDouble());
        BatchRow later = BatchRow.of(
                batch("b", BatchStatus.IN_PROGRESS, 500, 2000, 100), OptionalDouble.of(15), null);
        assertEquals(100, later.secondsLeft().getAsDouble());
        assertTrue(BatchRow.of(
                batch("b", BatchStatus.IN_PROGRESS, 500, 2000, 100), OptionalDouble.of(0), null)
                .secondsLeft().isEmpty());
        assertTrue(BatchRow.of(
                batch("b", BatchStatus.COMPLETED, 2000, 2000, 100), OptionalDouble.of(15), null)
                .secondsLeft().isEmpty());
    }

    @Test
    void silentWorkerIsLostUnlessItHasStopped() {
        assertEquals("RUNNING", WorkerRow.of(worker("w", "RUNNING", at(0)), at(15)).state());
        assertEquals("LOST", WorkerRow.of(worker("w", "RUNNING", at(0)), at(16)).state());
        assertEquals("STOPPED", WorkerRow.of(worker("w", "STOPPED", at(0)), at(16)).state());
    }

    @Test
    void onlyLiveWorkersOfThePoolCountInTheThroughput() {
        List<WorkerRow> rows = StatusReader.workerRows(
                List.of(worker("a", "RUNNING", at(10)), worker("b", "STOPPED", at(10)),
                worker("c", "RUNNING", at(-60))), "default", at(10));
        StatusSnapshot status = new StatusSnapshot(at(10), "default", List.of(), rows, List.of());
        assertEquals(3, rows.size());
        assertEquals(1234.4, status.promptTokensPerSecond());
        assertEquals(56, status.completionTokensPerSecond());
        assertTrue(StatusReader.workerRows(List.of(worker("a", "RUNNING", at(10))), "other", at(10))
                .isEmpty());
    }
}
