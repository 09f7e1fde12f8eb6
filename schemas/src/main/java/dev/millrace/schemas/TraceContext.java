package dev.millrace.schemas;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Makes W3C trace parents (https://www.w3.org/TR/trace-context/, version 00). Ids are hashes of
 * names, so that whoever knows the submission and the job knows their trace, and a repeated
 * submission repeats it.
 */
public final class TraceContext {
    private static final int TRACE_ID_BYTES = 16;
    private static final int SPAN_ID_BYTES = 8;

    private TraceContext() {}

    /**
     * The trace parent of a job: one trace for each submission, one span for each job; sampled.
     *
     * @return 55 characters, {@code 00-<32 hex digits>-<16 hex digits>-01}
     */
    public static String traceparent(String submissionId, String jobId) {
        return "00-"
                + hash("trace " + submissionId, TRACE_ID_BYTES)
                + "-"
                + hash("span " + jobId, SPAN_ID_BYTES)
                + "-01";
    }

    private static String hash(String name, int bytes) {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(name.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
