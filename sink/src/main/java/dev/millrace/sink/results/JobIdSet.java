package dev.millrace.sink.results;

/**
 * Which job ids were seen, as 64-bit hashes in one open-addressed array: 8 to 32 bytes per id, and never more
 * than the bound. Two ids that share a hash would look like one job twice; among 4 million ids that has a
 * chance of about 1 in 2 million.
 */
final class JobIdSet {
    private static final int INITIAL_SLOTS = 1 << 10;
    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    private final int maxIds;
    private long[] slots = new long[INITIAL_SLOTS];
    private int size;

    /** @param maxIds most ids that are remembered */
    JobIdSet(int maxIds) {
        this.maxIds = maxIds;
    }

    /**
     * Remembers the id. False when it was there already; true when it was not, or when the set is full and
     * cannot tell.
     */
    boolean add(String jobId) {
        long hash = hash(jobId);
        int slot = find(hash);
        if (slots[slot] == hash) {
            return false;
        }
        if (size < maxIds) {
            slots[slot] = hash;
            size++;
            if (size * 2L > slots.length) {
                grow();
            }
        }
        return true;
    }

    /** Whether ids may have been passed over because the bound was reached. */
    boolean isFull() {
        return size >= maxIds;
    }

    private int find(long hash) {
        int mask = slots.length - 1;
        int slot = (int) hash & mask;
        while (slots[slot] != 0 && slots[slot] != hash) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private void grow() {
        long[] old = slots;
        slots = new long[old.length * 2];
        for (long hash : old) {
            if (hash != 0) {
                slots[find(hash)] = hash;
            }
        }
    }

    /**
     * FNV-1a over the characters, then SplitMix64's finaliser so that the low bits are good; never 0, which
     * marks a free slot.
     */
    private static long hash(String text) {
        long hash = FNV_OFFSET;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * FNV_PRIME;
        }
        hash = (hash ^ (hash >>> 30)) * 0xbf58476d1ce4e5b9L;
        hash = (hash ^ (hash >>> 27)) * 0x94d049bb133111ebL;
        hash ^= hash >>> 31;
        return hash == 0 ? 1 : hash;
    }
}
