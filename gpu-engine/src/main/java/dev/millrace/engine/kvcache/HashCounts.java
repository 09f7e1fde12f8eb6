package dev.millrace.engine.kvcache;

/**
 * A multiset of block hashes: open addressing over primitive arrays. Says which blocks are being
 * computed, or wanted. Each hash has a number while it is in: they count up, so that they tell who
 * came in first, and a hash that has left and returns gets a new one.
 */
final class HashCounts {
    private long[] keys = new long[64];

    /** 0 marks a free place */
    private int[] counts = new int[64];

    private long[] numbers = new long[64];
    private long lastNumber;
    private int size;

    boolean contains(long hash) {
        return counts[place(hash)] > 0;
    }

    /** The hash's number, from 1; 0 if it is not in. */
    long number(long hash) {
        int i = place(hash);
        return counts[i] > 0 ? numbers[i] : 0;
    }

    /** A number that no hash will have. */
    long spareNumber() {
        return ++lastNumber;
    }

    /** Adds one occurrence and returns the hash's number. */
    long add(long hash) {
        int i = place(hash);
        if (counts[i]++ > 0) {
            return numbers[i];
        }
        keys[i] = hash;
        numbers[i] = ++lastNumber;
        if (++size * 2 > keys.length) {
            grow();
        }
        return lastNumber;
    }

    /** Takes one occurrence away; it must be there. */
    void remove(long hash) {
        int hole = place(hash);
        if (counts[hole] == 0) {
            throw new IllegalStateException("the block hash is not in");
        }
        if (--counts[hole] > 0) {
            return;
        }
        size--;
        int mask = keys.length - 1;
        for (int i = (hole + 1) & mask; counts[i] > 0; i = (i + 1) & mask) {
            int home = home(keys[i]);
            boolean homeIsInGap = hole <= i ? hole < home && home <= i : hole < home || home <= i;
            if (!homeIsInGap) {
                keys[hole] = keys[i];
                counts[hole] = counts[i];
                numbers[hole] = numbers[i];
                counts[i] = 0;
                hole = i;
            }
        }
    }

    int size() {
        return size;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldCounts = counts;
        long[] oldNumbers = numbers;
        keys = new long[2 * oldKeys.length];
        counts = new int[keys.length];
        numbers = new long[keys.length];
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldCounts[i] > 0) {
                int place = place(oldKeys[i]);
                keys[place] = oldKeys[i];
                counts[place] = oldCounts[i];
                numbers[place] = oldNumbers[i];
            }
        }
    }

    private int place(long hash) {
        int mask = keys.length - 1;
        int i = home(hash);
        while (counts[i] > 0 && keys[i] != hash) {
            i = (i + 1) & mask;
        }
        return i;
    }

    private int home(long hash) {
        return (int) (hash >>> 32) & (keys.length - 1);
    }
}
