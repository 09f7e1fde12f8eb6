package dev.millrace.engine.kvcache;

import java.util.Arrays;

/**
 * The block hashes that were seen lately: what a cache without bounds would hold. Bounded all the
 * same: two sets, and when the younger is full it takes the place of the older. A hash is
 * remembered for {@code capacity} further ones at least, and at most for twice as many.
 */
final class SeenBlocks {
    /** 2 * 16 MiB when full; with blocks of 16 it looks back over 16 million tokens. */
    static final int DEFAULT_CAPACITY = 1 << 20;

    private static final int FIRST_SIZE = 1024;

    private final int capacity;

    /** Open addressing, half full at most; 0 marks a free place */
    private long[] young = new long[FIRST_SIZE];

    private long[] old = {0};
    private int numYoung;

    SeenBlocks(int capacity) {
        this.capacity = capacity;
    }

    boolean contains(long hash) {
        long key = key(hash);
        return young[place(young, key)] != 0 || old[place(old, key)] != 0;
    }

    void add(long hash) {
        long key = key(hash);
        int place = place(young, key);
        if (young[place] != 0) {
            return;
        }
        young[place] = key;
        numYoung++;
        if (numYoung >= capacity) {
            old = young;
            young = new long[FIRST_SIZE];
            numYoung = 0;
        } else if (2 * numYoung > young.length) {
            grow();
        }
    }

    private void grow() {
        long[] from = young;
        young = new long[2 * from.length];
        Arrays.stream(from).filter(key -> key != 0).forEach(k -> young[place(young, k)] = k);
    }

    private static long key(long hash) {
        return hash == 0 ? 1 : hash;
    }

    private static int place(long[] table, long key) {
        int mask = table.length - 1;
        int i = (int) (key >>> 32) & mask;
        while (table[i] != 0 && table[i] != key) {
            i = (i + 1) & mask;
        }
        return i;
    }
}
