package dev.millrace.worker;

import dev.millrace.schemas.Choice;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.DeadLetter;
import dev.millrace.schemas.ErrorInfo;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;

import java.util.List;

/**
 * What became of one record: a completion, a dead letter, or nothing where the job had been
 * answered before. Stays in memory until the commit that carries it has succeeded.
 */
final class FinishedJob {
    final OffsetLedger ledger;
    final long offset;
    final int bytes;
    final Headers headers;

    /** There is a hand-over of the job: with its answer it goes. */
    final boolean wasHandedOver;

    private Completion completion;
    private DeadLetter deadLetter;
    private List<ProducerRecord<byte[], byte[]>> serialized;

    private FinishedJob(InFlightJob job) {
        this.ledger = job.ledger();
        this.offset = job.offset();
        this.bytes = job.bytes();
        this.headers = job.headers();
        this.wasHandedOver =
                job.isSuspect() || job.request() != null && job.request().resumedTokens() > 0;
    }

    static FinishedJob answered(InFlightJob job, Completion completion) {
        FinishedJob finished = new FinishedJob(job);
        finished.completion = completion;
        return finished;
    }

    static FinishedJob setAside(InFlightJob job, DeadLetter deadLetter) {
        FinishedJob finished = new FinishedJob(job);
        finished.deadLetter = deadLetter;
        return finished;
    }

    /** The job has failed, and there is more to say about it than its owner should be told. */
    static FinishedJob condemned(InFlightJob job, Completion completion, DeadLetter deadLetter) {
        FinishedJob finished = new FinishedJob(job);
        finished.completion = completion;
        finished.deadLetter = deadLetter;
        return finished;
    }

    /** The job has its completion from an earlier run; only the offset moves. */
    static FinishedJob answeredBefore(InFlightJob job) {
        return new FinishedJob(job);
    }

    /** Null unless the job was answered now. */
    Completion completion() {
        return completion;
    }

    /** Null unless the record was set aside. */
    DeadLetter deadLetter() {
        return deadLetter;
    }

    /**
     * Records as bytes, kept so that a repeated commit costs no second serialisation; null before
     * the first.
     */
    List<ProducerRecord<byte[], byte[]>> serialized() {
        return serialized;
    }

    void keepSerialized(List<ProducerRecord<byte[], byte[]>> records) {
        serialized = records;
    }

    /**
     * The broker will never take this result: the job fails instead, the dead letter goes without
     * its bytes.
     */
    void replaceTooLarge(String reason) {
        serialized = null;
        ErrorInfo error = new ErrorInfo("result_too_large", reason, null);
        if (completion != null) {
            completion.setStatus(CompletionStatus.FAILED);
            completion.setChoices(List.<Choice>of());
            completion.setError(error);
        } else if (deadLetter != null) {
            deadLetter.setValue(null);
            deadLetter.setError(
                    new ErrorInfo(
                            deadLetter.getError().getCode(),
                            deadLetter.getError().getMessage()
                                    + " (the bytes are left out: "
                                    + reason
                                    + ")",
                            null));
        }
    }
}
