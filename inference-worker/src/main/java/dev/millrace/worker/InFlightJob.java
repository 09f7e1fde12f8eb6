package dev.millrace.worker;

import dev.millrace.schemas.PromptJob;

import org.apache.kafka.common.header.Headers;

/**
 * A record on its way through the worker.
 *
 * @param bytes its size, as the buffer counts it
 * @param job null when the record could not be read
 * @param request what the engine was given; null unless it was
 */
record InFlightJob(
        OffsetLedger ledger,
        long offset,
        int bytes,
        Headers headers,
        PromptJob job,
        JobRequest request) {

    InFlightJob with(JobRequest submitted) {
        return new InFlightJob(ledger, offset, bytes, headers, job, submitted);
    }
}
