package dev.millrace.worker;

import dev.millrace.schemas.PromptJob;

import org.apache.kafka.common.header.Headers;

/**
 * A record on its way through the worker.
 *
 * @param bytes its size, as the buffer counts it
 * @param job null when the record could not be read
 * @param request what the engine was given; null unless it was
 * @param failures how often an engine broke while it had the job; with 1 and more it is a suspect
 */
record InFlightJob(
        OffsetLedger ledger,
        long offset,
        int bytes,
        Headers headers,
        PromptJob job,
        JobRequest request,
        int failures) {

    /** A job that no engine is known to have broken over. */
    InFlightJob(
            OffsetLedger ledger,
            long offset,
            int bytes,
            Headers headers,
            PromptJob job,
            JobRequest request) {
        this(ledger, offset, bytes, headers, job, request, 0);
    }

    InFlightJob with(JobRequest submitted) {
        return new InFlightJob(ledger, offset, bytes, headers, job, submitted, failures);
    }

    InFlightJob suspected(int knownFailures) {
        return new InFlightJob(ledger, offset, bytes, headers, job, request, knownFailures);
    }

    boolean isSuspect() {
        return failures > 0;
    }
}
