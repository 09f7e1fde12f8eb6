package dev.millrace.ingest;

import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;
import dev.millrace.schemas.ErrorInfo;
import dev.millrace.schemas.PromptJob;

import java.time.Instant;

/** How a job ends that never reaches a worker. */
record Ending(CompletionStatus status, ErrorInfo error) {
    static Ending failed(String code, String param, String message) {
        return new Ending(CompletionStatus.FAILED, new ErrorInfo(code, message, param));
    }

    static Ending failed(ErrorInfo error) {
        return new Ending(CompletionStatus.FAILED, error);
    }

    static Ending expired(Instant deadline) {
        ErrorInfo error =
                new ErrorInfo(
                        "deadline_exceeded",
                        "the deadline " + deadline + " had passed before a worker could start",
                        null);
        return new Ending(CompletionStatus.EXPIRED, error);
    }

    static Ending overQuota(String tenant) {
        return failed(
                "quota_exceeded",
                null,
                "tenant '"
                        + tenant
                        + "' has used up its quota, and as many jobs as may wait for it are"
                        + " waiting");
    }

    static Ending cancelled() {
        ErrorInfo error =
                new ErrorInfo(
                        "batch_cancelled",
                        "the job was cancelled before a worker could start",
                        null);
        return new Ending(CompletionStatus.CANCELLED, error);
    }

    /** The one answer to the job. */
    Completion completionOf(PromptJob job, Instant now) {
        return Completion.newBuilder()
                .setJobId(job.getJobId())
                .setCustomId(job.getCustomId())
                .setBatchId(job.getBatchId())
                .setTenant(job.getTenant())
                .setModel(job.getModel())
                .setEndpoint(job.getEndpoint())
                .setStatus(status)
                .setError(error)
                .setMetadata(job.getMetadata())
                .setCreatedAt(job.getCreatedAt())
                .setFinishedAt(now)
                .setWorkerId(IngestTopology.ROLE)
                .build();
    }
}
