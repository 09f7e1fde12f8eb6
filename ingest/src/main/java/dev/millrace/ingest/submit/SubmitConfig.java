package dev.millrace.ingest.submit;

import dev.millrace.schemas.Endpoint;

import java.time.Instant;
import java.util.Map;

/**
 * Checked settings of one submission.
 *
 * @param clientProperties bootstrap.servers, schema.registry.url and any other property for Kafka's
 *     producer and the serde
 * @param batchId the batch that the file feeds; resubmit with the same id to resume: jobs that are
 *     there already are dropped
 * @param submissionId unique name of this run
 * @param tenant who pays
 * @param metadata the batch's own pairs
 * @param lineBytesMax a longer line becomes a rejected job
 * @param inFlightMax most jobs sent and not yet acknowledged
 * @param listedRejectionsMax how many rejected lines the report lists; the rest is only counted
 * @param deadline when the jobs expire; null for never
 * @param endpoint the only one that lines may be for; null for any
 */
public record SubmitConfig(
        Map<String, Object> clientProperties,
        String batchId,
        String submissionId,
        String tenant,
        Map<String, String> metadata,
        int lineBytesMax,
        int inFlightMax,
        int listedRejectionsMax,
        Instant deadline,
        Endpoint endpoint) {

    public SubmitConfig {
        clientProperties = Map.copyOf(clientProperties);
        metadata = Map.copyOf(metadata);
        check(BatchIds.isValid(batchId), "batchId", BatchIds.RULE, batchId);
        check(!submissionId.isBlank(), "submissionId", "must not be blank", submissionId);
        check(!tenant.isBlank(), "tenant", "must not be blank", tenant);
        check(lineBytesMax >= 1, "lineBytesMax", "must be at least 1", lineBytesMax);
        check(inFlightMax >= 1, "inFlightMax", "must be at least 1", inFlightMax);
        check(
                listedRejectionsMax >= 0,
                "listedRejectionsMax",
                "must not be negative",
                listedRejectionsMax);
    }

    /**
     * Lines of up to 64 MiB, 10,000 jobs in flight, the first 100 rejected lines listed, the
     * default tenant.
     */
    public static SubmitConfig defaults(
            Map<String, Object> clientProperties, String batchId, String submissionId) {
        return new SubmitConfig(
                clientProperties,
                batchId,
                submissionId,
                "default",
                Map.of(),
                64 << 20,
                10_000,
                100,
                null,
                null);
    }

    /** The same for another tenant. */
    public SubmitConfig withTenant(String name) {
        return new SubmitConfig(
                clientProperties,
                batchId,
                submissionId,
                name,
                metadata,
                lineBytesMax,
                inFlightMax,
                listedRejectionsMax,
                deadline,
                endpoint);
    }

    /** The same with the batch's own pairs. */
    public SubmitConfig withMetadata(Map<String, String> pairs) {
        return new SubmitConfig(
                clientProperties,
                batchId,
                submissionId,
                tenant,
                pairs,
                lineBytesMax,
                inFlightMax,
                listedRejectionsMax,
                deadline,
                endpoint);
    }

    /** The same with other bounds. */
    public SubmitConfig withBounds(int lineBytes, int inFlight, int listedRejections) {
        return new SubmitConfig(
                clientProperties,
                batchId,
                submissionId,
                tenant,
                metadata,
                lineBytes,
                inFlight,
                listedRejections,
                deadline,
                endpoint);
    }

    /** The same with jobs that expire, and lines for one endpoint only; either may be null. */
    public SubmitConfig withRules(Instant expiry, Endpoint only) {
        return new SubmitConfig(
                clientProperties,
                batchId,
                submissionId,
                tenant,
                metadata,
                lineBytesMax,
                inFlightMax,
                listedRejectionsMax,
                expiry,
                only);
    }

    private static void check(boolean holds, String name, String rule, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "submit setting " + name + " " + rule + ", not '" + value + "'");
        }
    }
}
