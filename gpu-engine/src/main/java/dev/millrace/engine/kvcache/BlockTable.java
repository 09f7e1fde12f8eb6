package dev.millrace.engine.kvcache;

import dev.millrace.engine.kvtier.BlockKey;

import java.util.Arrays;

/**
 * The blocks of one sequence: logical block i (tokens i * blockSize and on) to block id, and the
 * chained hashes of its full blocks. Written by {@link KvCache} alone. Entries are appended and
 * never changed until all are given back.
 */
public final class BlockTable {
    private static final int[] NO_BLOCKS = {};
    private static final long[] NO_HASHES = {};
    private static final BlockKey[] NO_KEYS = {};

    int[] blocks = NO_BLOCKS;
    int numBlocks;

    /**
     * hashes[i] is the hash of full block i, known for the first numHashed blocks of the sequence's
     * tokens
     */
    long[] hashes = NO_HASHES;

    int numHashed;

    /** keys[i] names full block i outside the device, known for the first numKeyed blocks */
    BlockKey[] keys = NO_KEYS;

    int numKeyed;

    /**
     * Leading blocks whose content the prefix cache knows, be it in this block or in an equal one.
     */
    int numCommitted;

    /**
     * The prefix cache's entry of the last committed block; BROKEN when its entry has been evicted
     * meanwhile.
     */
    long lastEntry = PrefixCache.ROOT_ENTRY;

    int lastEntryBlock = -1;

    /** Blocks [pendingFrom, pendingTo) are announced as being computed. */
    int pendingFrom;

    int pendingTo;

    /** Logical block to block id; valid up to {@link #numBlocks()}. Not to be changed. */
    public int[] blocks() {
        return blocks;
    }

    public int numBlocks() {
        return numBlocks;
    }

    void append(int block) {
        if (numBlocks == blocks.length) {
            blocks = Arrays.copyOf(blocks, Math.max(8, 2 * numBlocks));
        }
        blocks[numBlocks++] = block;
    }

    /** Extends the hashes over all full blocks of {@code tokens[0 .. numTokens - 1]}. */
    void hashUpTo(int[] tokens, int numTokens, int blockSize) {
        int full = numTokens / blockSize;
        if (full > hashes.length) {
            hashes = Arrays.copyOf(hashes, Math.max(full, hashes.length * 2));
        }
        for (; numHashed < full; numHashed++) {
            long parent = numHashed == 0 ? BlockHash.ROOT : hashes[numHashed - 1];
            hashes[numHashed] = BlockHash.chain(parent, tokens, numHashed * blockSize, blockSize);
        }
    }

    /** Extends the keys over the first {@code full} blocks of {@code tokens}. */
    void keyUpTo(BlockKey.Chain chain, BlockKey root, int[] tokens, int full, int blockSize) {
        if (full > keys.length) {
            keys = Arrays.copyOf(keys, Math.max(full, keys.length * 2));
        }
        for (; numKeyed < full; numKeyed++) {
            BlockKey parent = numKeyed == 0 ? root : keys[numKeyed - 1];
            keys[numKeyed] = chain.next(parent, tokens, numKeyed * blockSize);
        }
    }

    /** Forgets blocks and progress; the hashes and keys stay true, since tokens never change. */
    void clear() {
        numBlocks = 0;
        blocks = NO_BLOCKS;
        numCommitted = 0;
        lastEntry = PrefixCache.ROOT_ENTRY;
        lastEntryBlock = -1;
        pendingFrom = 0;
        pendingTo = 0;
    }
}
