package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.Topics;
import dev.millrace.worker.CommitCycle.Outcome;

import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/** The transaction, against Kafka's own MockProducer. */
class CommitCycleTest {
    private final WorkerDriver driver = new WorkerDriver();

    @Test
    void answersUsageAndOffsetsGoInOneTransaction() {
        driver.finish(0, "a");
        driver.deliver(1, "slow");
        driver.finish(2, "b");
        assertEquals(Outcome.COMMITTED, driver.flush());
        assertEquals(List.of("a COMPLETED", "b COMPLETED"), sent(Topics.COMPLETIONS));
        assertEquals(2, sent(Topics.USAGE).size());
        OffsetAndMetadata offset = driver.committedOffset();
        assertEquals(1, offset.offset());
        assertEquals(
                "[2..2]", FinishedAheadCodec.decode(1, offset.metadata()).orElseThrow().toString());
        assertEquals(0, driver.jobs.finished().size(), "committed jobs are forgotten");
        assertEquals(Outcome.NOTHING_TO_DO, driver.flush());
    }

    @Test
    void isDueByNumberAndByAge() {
        driver.finish(0, "a");
        assertEquals(Outcome.NOTHING_TO_DO, driver.commits.runIfDue());
        driver.clock.advance(Duration.ofMillis(250));
        assertEquals(Outcome.COMMITTED, driver.commits.runIfDue());
        for (int i = 1; i <= 256; i++) {
            driver.finish(i, "job-" + i);
        }
        assertEquals(Outcome.COMMITTED, driver.commits.runIfDue(), "256 finished jobs do not wait");
    }

    @Test
    void anAbortedTransactionIsSentAgainAsAWhole() {
        driver.finish(0, "a");
        driver.producer.sendOffsetsToTransactionException =
                new CommitFailedException("the group has moved on");
        assertEquals(Outcome.ABORTED, driver.flush());
        assertTrue(driver.producer.transactionAborted());
        assertEquals(1, driver.jobs.finished().size(), "the result stays in memory");
        driver.producer.sendOffsetsToTransactionException = null;
        driver.finish(1, "b");
        assertEquals(Outcome.COMMITTED, driver.flush());
        assertEquals(List.of("a COMPLETED", "b COMPLETED"), sent(Topics.COMPLETIONS));
        assertEquals(2, driver.committedOffset().offset());
    }

    @Test
    void afterAnAbortTheNextAttemptWaits() {
        driver.finish(0, "a");
        driver.clock.advance(Duration.ofSeconds(1));
        driver.producer.sendOffsetsToTransactionException =
                new CommitFailedException("the group has moved on");
        assertEquals(Outcome.ABORTED, driver.commits.runIfDue());
        driver.producer.sendOffsetsToTransactionException = null;
        assertEquals(Outcome.NOTHING_TO_DO, driver.commits.runIfDue());
        driver.clock.advance(Duration.ofMillis(500));
        assertEquals(Outcome.COMMITTED, driver.commits.runIfDue());
    }

    @Test
    void tooManyAbortsInARowStopTheWorker() {
        driver.finish(0, "a");
        driver.producer.sendOffsetsToTransactionException =
                new CommitFailedException("the group has moved on");
        for (int i = 0; i < 5; i++) {
            assertEquals(Outcome.ABORTED, driver.flush());
        }
        assertThrows(WorkerFailedException.class, driver::flush);
    }

    @Test
    void aFencedProducerCommitsNothingMore() {
        driver.finish(0, "a");
        driver.producer.fenceProducer();
        assertEquals(Outcome.FENCED, driver.flush());
        assertTrue(driver.commits.isFenced());
        assertEquals(Outcome.FENCED, driver.flush());
        assertEquals(1, driver.jobs.finished().size(), "nothing is marked as done");
    }

    @Test
    void aCommitWithoutAnswerIsAskedAgainAndThenLeftToTheCommittedOffsets() {
        driver.finish(0, "a");
        driver.producer.commitTransactionException = new TimeoutException("no answer");
        assertEquals(Outcome.FENCED, driver.flush());
        assertFalse(
                driver.producer.transactionAborted(),
                "the commit may be under way, so it must not be aborted");
    }

    @Test
    void aResultThatTheBrokerWillNeverTakeFailsItsJobOnly() {
        driver.finish(0, "huge");
        driver.finish(1, "small");
        driver.refuse("huge", new RecordTooLargeException("1200000 bytes"));
        assertEquals(Outcome.ABORTED, driver.flush());
        assertEquals(Outcome.COMMITTED, driver.flush());
        assertEquals(List.of("huge FAILED", "small COMPLETED"), sent(Topics.COMPLETIONS));
    }

    @Test
    void everyFailureHasItsRow() {
        assertEquals(
                FailurePolicy.Action.FENCED,
                FailurePolicy.actionFor(new KafkaException(new ProducerFencedException("x"))));
        assertEquals(
                FailurePolicy.Action.FENCED,
                FailurePolicy.actionFor(new InvalidPidMappingException("x")));
        assertEquals(
                FailurePolicy.Action.RETRY, FailurePolicy.actionFor(new TimeoutException("x")));
        assertEquals(
                FailurePolicy.Action.FATAL,
                FailurePolicy.actionFor(new TopicAuthorizationException("ready.pool")));
        assertEquals(
                FailurePolicy.Action.FATAL,
                FailurePolicy.actionFor(new IllegalStateException("unknown")));
    }

    @Test
    void revokedJobsAreNotCommittedAndOthersAre() {
        driver.finish(0, "mine");
        driver.revoke();
        assertEquals(Outcome.NOTHING_TO_DO, driver.flush());
        assertEquals(List.of(), sent(Topics.COMPLETIONS));
        assertNull(driver.committedOffset());
        driver.assign(0);
        driver.finish(0, "mine");
        assertEquals(
                Outcome.COMMITTED,
                driver.flush(),
                "the control: the next assignment's job is committed");
        assertEquals(List.of("mine COMPLETED"), sent(Topics.COMPLETIONS));
    }

    private List<String> sent(String topic) {
        return driver.producer.history().stream()
                .filter(record -> record.topic().equals(topic))
                .map(ProducerRecord::value)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .toList();
    }
}
