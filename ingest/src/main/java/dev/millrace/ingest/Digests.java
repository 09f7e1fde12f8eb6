package dev.millrace.ingest;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The one hash that ingest uses: not reversible, so that a producer cannot craft two job ids that
 * collide.
 */
final class Digests {
    private Digests() {}

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
