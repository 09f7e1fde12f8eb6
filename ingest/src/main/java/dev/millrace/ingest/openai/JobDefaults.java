package dev.millrace.ingest.openai;

import java.time.Instant;
import java.util.Objects;

/**
 * What a request line does not say about its job.
 *
 * @param batchId the batch that the file belongs to; empty for none
 * @param submissionId the submitter's run; empty for none
 * @param tenant who pays
 * @param createdAt when the producer made the jobs
 */
public record JobDefaults(String batchId, String submissionId, String tenant, Instant createdAt) {
    public JobDefaults {
        Objects.requireNonNull(batchId, "batchId");
        Objects.requireNonNull(submissionId, "submissionId");
        Objects.requireNonNull(createdAt, "createdAt");
        if (tenant.isBlank()) {
            throw new IllegalArgumentException("tenant is blank; use \"default\" where there is only one");
        }
    }

    /** Jobs that belong to no batch, of the default tenant. */
    public static JobDefaults noBatch(Instant createdAt) {
        return new JobDefaults("", "", "default", createdAt);
    }

    /** The job's unique id: {@code batchId/customId}, or the custom id alone where there is no batch. */
    public String jobId(String customId) {
        return batchId.isEmpty() ? customId : batchId + "/" + customId;
    }
}
