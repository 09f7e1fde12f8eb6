package dev.millrace.engine.kvcache;

import java.util.Arrays;

/**
 * Which block holds which prefix. A full block is found by its chained hash and then proved: its
 * tokens must be equal, and its predecessor must be the very entry that was proved before it. A
 * collision of hashes costs a comparison and never a wrong answer.
 *
 * <p>Each entry has an id that is never used again. A block refers to its predecessor's entry by
 * that id, so that it cannot be reached through a block that has since been given other content.
 *
 * <p>The map is open addressing with linear probing over block ids; hashes, tokens and entry ids
 * lie in arrays by block.
 */
public final class PrefixCache {
    /** The entry id before the first block. */
    public static final long ROOT_ENTRY = 0;

    private static final int EMPTY = -1;

    private final int blockSize;
    private final int[] table;
    private final int mask;
    private final long[] hashes;

    /** [numBlocks] 0 for a block that is not in the map */
    private final long[] entryIds;

    private final long[] parentEntryIds;

    /** [numBlocks * blockSize] */
    private final int[] tokens;

    private long lastEntryId = ROOT_ENTRY;
    private int size;

    public PrefixCache(int numBlocks, int blockSize) {
        this.blockSize = blockSize;
        int capacity = Integer.highestOneBit(Math.max(2, numBlocks)) * 4;
        table = new int[capacity];
        Arrays.fill(table, EMPTY);
        mask = capacity - 1;
        hashes = new long[numBlocks];
        entryIds = new long[numBlocks];
        parentEntryIds = new long[numBlocks];
        tokens = new int[Math.multiplyExact(numBlocks, blockSize)];
    }

    public int size() {
        return size;
    }

    public boolean contains(int block) {
        return entryIds[block] != 0;
    }

    /** The entry id of a block that is in the map. */
    public long entryId(int block) {
        return entryIds[block];
    }

    /** A copy of the tokens of a block that is in the map. */
    int[] tokens(int block) {
        return Arrays.copyOfRange(tokens, block * blockSize, (block + 1) * blockSize);
    }

    /**
     * The block that holds {@code sequence[from .. from + blockSize - 1]} after the prefix of entry
     * {@code parentEntry}.
     *
     * @return -1 if there is none
     */
    public int find(long parentEntry, long hash, int[] sequence, int from) {
        for (int i = home(hash); table[i] != EMPTY; i = (i + 1) & mask) {
            int block = table[i];
            if (hashes[block] == hash
                    && parentEntryIds[block] == parentEntry
                    && sameTokens(block, sequence, from)) {
                return block;
            }
        }
        return -1;
    }

    /** Makes a block findable. It must not be in the map, and no equal block either. */
    public void add(int block, long parentEntry, long hash, int[] sequence, int from) {
        if (contains(block)) {
            throw new IllegalStateException("block " + block + " is in the prefix cache already");
        }
        System.arraycopy(sequence, from, tokens, block * blockSize, blockSize);
        hashes[block] = hash;
        parentEntryIds[block] = parentEntry;
        entryIds[block] = ++lastEntryId;
        int i = home(hash);
        while (table[i] != EMPTY) {
            i = (i + 1) & mask;
        }
        table[i] = block;
        size++;
    }

    /** Forgets a block; nothing happens if it is not in the map. */
    public void remove(int block) {
        if (!contains(block)) {
            return;
        }
        entryIds[block] = 0;
        size--;
        int hole = home(hashes[block]);
        while (table[hole] != block) {
            hole = (hole + 1) & mask;
        }
        closeGap(hole);
    }

    /**
     * Moves later entries of the probe run back, so that no search ends early at the hole (Knuth,
     * TAOCP 6.4, algorithm R).
     */
    private void closeGap(int hole) {
        int i = hole;
        while (true) {
            i = (i + 1) & mask;
            if (table[i] == EMPTY) {
                table[hole] = EMPTY;
                return;
            }
            int home = home(hashes[table[i]]);
            boolean homeIsInGap = hole <= i ? hole < home && home <= i : hole < home || home <= i;
            if (!homeIsInGap) {
                table[hole] = table[i];
                hole = i;
            }
        }
    }

    private boolean sameTokens(int block, int[] sequence, int from) {
        int at = block * blockSize;
        return Arrays.equals(tokens, at, at + blockSize, sequence, from, from + blockSize);
    }

    private int home(long hash) {
        return (int) (hash >>> 32) & mask;
    }
}
