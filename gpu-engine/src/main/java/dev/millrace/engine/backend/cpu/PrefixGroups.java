package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.model.ForwardInput;

import java.util.Arrays;

/**
 * Sequences of a step whose contexts begin with the same blocks. Attention over those blocks is
 * then one problem of many rows that reads each key once, instead of one problem per sequence
 * (cascade attention, as in arXiv 2501.01005). Sequences are compared by block ids, so whoever
 * shares blocks gains, without being told.
 */
final class PrefixGroups {
    /** Shorter prefixes are not worth a second pass over the rows' running sums. */
    static final int MIN_KEYS = 4 * CpuKvStore.TILE;

    private long[] order = {};
    private int[] prefixOf = {};
    private int[] groupEnd = new int[16];
    private int groups;

    /**
     * Finds the groups of a step.
     *
     * @param mayShare false leaves each sequence alone: with a sliding window what its tokens see
     *     moves on with them
     */
    void find(ForwardInput input, int blockSize, boolean mayShare) {
        int seqs = input.numSeqs;
        if (order.length < seqs) {
            order = new long[seqs];
            prefixOf = new int[seqs];
            groupEnd = new int[seqs];
        }
        for (int seq = 0; seq < seqs; seq++) {
            order[seq] = (long) input.blockTables[seq][0] << 32 | seq;
        }
        Arrays.sort(order, 0, seqs);
        Arrays.fill(prefixOf, 0, seqs, 0);
        groups = 0;
        for (int first = 0; first < seqs; ) {
            first = takeGroup(input, blockSize, first, mayShare ? seqs : first + 1);
        }
    }

    /**
     * Makes a group of the sequences from {@code first} on, as long as one more does not lower the
     * keys saved.
     */
    private int takeGroup(ForwardInput input, int blockSize, int first, int limit) {
        int leader = seq(first);
        int shared = sharable(input, leader);
        int end = first + 1;
        while (end < limit) {
            int next = seq(end);
            int common =
                    Math.min(
                            Math.min(shared, sharable(input, next)),
                            commonKeys(input, blockSize, leader, next, shared));
            if (common < MIN_KEYS
                    || (long) common * (end - first) < (long) shared * (end - first - 1)) {
                break;
            }
            shared = common;
            end++;
        }
        if (end - first > 1) {
            for (int i = first; i < end; i++) {
                prefixOf[seq(i)] = shared;
            }
        }
        groupEnd[groups++] = end;
        return end;
    }

    /** Keys before the sequence's first query token, in whole tiles. */
    private static int sharable(ForwardInput input, int seq) {
        return (input.contextLens[seq] - input.queryLen(seq)) / CpuKvStore.TILE * CpuKvStore.TILE;
    }

    private static int commonKeys(ForwardInput input, int blockSize, int a, int b, int limit) {
        int blocks = Math.ceilDiv(limit, blockSize);
        int[] ofA = input.blockTables[a];
        int[] ofB = input.blockTables[b];
        int differs =
                Arrays.mismatch(
                        ofA, 0, Math.min(blocks, ofA.length), ofB, 0, Math.min(blocks, ofB.length));
        int same = differs < 0 ? blocks : differs;
        return (int) Math.min(limit, (long) same * blockSize) / CpuKvStore.TILE * CpuKvStore.TILE;
    }

    int count() {
        return groups;
    }

    /** First index of a group, for {@link #seq}. */
    int begin(int group) {
        return group == 0 ? 0 : groupEnd[group - 1];
    }

    int end(int group) {
        return groupEnd[group];
    }

    /** The sequence at an index; the sequences of a group lie side by side. */
    int seq(int index) {
        return (int) order[index];
    }

    /**
     * Keys that the sequence shares with its group: 0 where it is alone, else a multiple of a tile.
     */
    int sharedKeys(int seq) {
        return prefixOf[seq];
    }
}
