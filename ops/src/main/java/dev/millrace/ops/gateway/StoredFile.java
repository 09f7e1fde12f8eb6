package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.util.Objects;

/**
 * What is known of a file besides its content.
 *
 * @param tenant whose it is
 * @param fileName the name its uploader gave it; only ever shown
 * @param purpose {@link #BATCH} or {@link #BATCH_OUTPUT}
 * @param createdAt in seconds since 1970
 * @param expiresAt in seconds since 1970, or null for never
 * @param sha256 of the content in hex
 * @param idempotencyKey of the upload, or null
 */
record StoredFile(
        String id,
        String tenant,
        String fileName,
        String purpose,
        long bytes,
        long createdAt,
        Long expiresAt,
        String sha256,
        String idempotencyKey) {
    static final String BATCH = "batch";
    static final String BATCH_OUTPUT = "batch_output";

    StoredFile {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(tenant, "tenant");
    }

    boolean isExpired(long nowSeconds) {
        return expiresAt != null && expiresAt <= nowSeconds;
    }

    /** OpenAI's file object. */
    ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("id", id).put("object", "file").put("bytes", bytes).put("created_at", createdAt);
        if (expiresAt != null) {
            json.put("expires_at", expiresAt);
        }
        return json.put("filename", fileName).put("purpose", purpose).put("status", "processed");
    }
}
