package dev.millrace.worker;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What has been answered: job ids with a completion, and sources (topic-partition-offset) with a
 * dead letter. Each is kept as the first 128 bits of its SHA-256 in an open-addressing table: 16
 * bytes an id, at most half full, and no realistic chance that an unanswered job is taken for an
 * answered one. Bounded: it throws when it is full.
 */
final class AnsweredJobs {
    private static final byte JOB = 0;
    private static final byte DEAD_LETTER = 1;

    private final int maxIds;
    private final MessageDigest sha256;

    /**
     * Two longs per slot; a slot of zeros is free (no digest is all zeros in practice, and then it
     * would only be computed again).
     */
    private long[] slots = new long[2 * 1024];

    private int size;

    AnsweredJobs(int maxIds) {
        this.maxIds = maxIds;
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * @throws IllegalStateException when more ids come than the bound allows
     */
    void addJob(byte[] jobIdUtf8) {
        add(digest(JOB, jobIdUtf8));
    }

    /**
     * @throws IllegalStateException when more ids come than the bound allows
     */
    void addDeadLetter(byte[] sourceUtf8) {
        add(digest(DEAD_LETTER, sourceUtf8));
    }

    boolean hasJob(byte[] jobIdUtf8) {
        return contains(digest(JOB, jobIdUtf8));
    }

    boolean hasDeadLetter(byte[] sourceUtf8) {
        return contains(digest(DEAD_LETTER, sourceUtf8));
    }

    int size() {
        return size;
    }

    private ByteBuffer digest(byte kind, byte[] key) {
        sha256.update(kind);
        return ByteBuffer.wrap(sha256.digest(key));
    }

    private void add(ByteBuffer digest) {
        long high = digest.getLong();
        long low = digest.getLong();
        int slot = find(high, low);
        if (isFree(slot)) {
            slots[slot] = high;
            slots[slot + 1] = low;
            size++;
            if (size > maxIds) {
                throw new IllegalStateException(
                        "more than "
                                + maxIds
                                + " answered jobs lie above an offset whose finished-ahead metadata"
                                + " was lost; raise the worker setting maxRecoveredJobIds, or move"
                                + " the group's offset past the answered jobs");
            }
            if (size * 4L > slots.length) {
                grow();
            }
        }
    }

    private boolean contains(ByteBuffer digest) {
        return !isFree(find(digest.getLong(), digest.getLong()));
    }

    private boolean isFree(int slot) {
        return slots[slot] == 0 && slots[slot + 1] == 0;
    }

    /** Index of the id's slot, or of the free one where it belongs. */
    private int find(long high, long low) {
        int mask = slots.length / 2 - 1;
        int slot = (int) low & mask;
        while (!isFree(2 * slot) && (slots[2 * slot] != high || slots[2 * slot + 1] != low)) {
            slot = slot + 1 & mask;
        }
        return 2 * slot;
    }

    private void grow() {
        long[] old = slots;
        slots = new long[Math.multiplyExact(old.length, 2)];
        for (int i = 0; i < old.length; i += 2) {
            if (old[i] != 0 || old[i + 1] != 0) {
                int slot = find(old[i], old[i + 1]);
                slots[slot] = old[i];
                slots[slot + 1] = old[i + 1];
            }
        }
    }
}
