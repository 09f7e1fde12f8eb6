package dev.millrace.sink.openai;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Ids of lines and responses: 24 hex digits of SHA-256 of the job id, so that the same job always gets the
 * same ones.
 */
final class LineIds {
    private static final int BYTES = 12;

    private final MessageDigest sha256;

    LineIds() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    String digest(String jobId) {
        byte[] hash = sha256.digest(jobId.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(hash, 0, BYTES);
    }
}
