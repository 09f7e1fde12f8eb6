package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.model.ForwardInput;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Sequences of a step whose contexts begin with the same blocks, as a tree: what all of a group
 * share, then what parts of it share beyond that. Attention over a group's keys is one problem of
 * many rows that reads each key once, instead of one problem per sequence (cascade attention, as in
 * arXiv 2501.01005). Sequences are compared by block ids, so whoever shares blocks gains, without
 * being told.
 */
final class PrefixGroups {
    /** Fewer keys are not worth one more pass over the rows' running sums. */
    static final int MIN_KEYS = 4 * CpuKvStore.TILE;

    /** Most groups that a sequence is in, one inside the other. */
    static final int LEVELS = 4;

    /** Sequences that attend together to keys they all have. */
    static final class Group {
        private int level;
        private int begin;
        private int end;
        private int from;
        private int to;

        /** Groups that this one lies in. */
        int level() {
            return level;
        }

        /** First index of its sequences, for {@link #seq}. */
        int begin() {
            return begin;
        }

        /** Behind the last index. */
        int end() {
            return end;
        }

        /** First key, where the group around it ends; a multiple of a tile, as is {@link #to}. */
        int from() {
            return from;
        }

        /** Behind the last key. */
        int to() {
            return to;
        }
    }

    /** The first {@link #count} are this step's, the others were of a step before. */
    private final List<Group> groups = new ArrayList<>();

    private int count;
    private long[] order = {};
    private int[] prefixOf = {};
    private ForwardInput input;
    private int blockSize;

    /**
     * Finds the groups of a step.
     *
     * @param mayShare false leaves each sequence alone: with a sliding window what its tokens see
     *     moves on with them
     */
    void find(ForwardInput input, int blockSize, boolean mayShare) {
        this.input = input;
        this.blockSize = blockSize;
        int seqs = input.numSeqs;
        if (order.length < seqs) {
            order = new long[seqs];
            prefixOf = new int[seqs];
        }
        Arrays.fill(prefixOf, 0, seqs, 0);
        count = 0;
        for (int seq = 0; seq < seqs; seq++) {
            order[seq] = seq;
        }
        if (mayShare) {
            split(0, seqs, 0, 0, 0);
        }
    }

    /**
     * Makes a group of the sequences from {@code begin} to {@code end} if it saves enough keys, and
     * goes on with those of its parts that share more.
     *
     * @param from keys that groups around this one attend to
     */
    private void divide(int begin, int end, int from, int level) {
        int least = Integer.MAX_VALUE;
        for (int i = begin; i < end; i++) {
            least = Math.min(least, sharable(seq(i)));
        }
        int blocks = Math.ceilDiv(least, blockSize);
        for (int i = begin + 1; i < end; i++) {
            blocks = sameBlocks(seq(begin), seq(i), blocks);
        }
        int to = wholeTiles((int) Math.min(least, (long) blocks * blockSize));
        // Where one sequence ends or two differ: the parts are smaller than the whole.
        int differs = Math.min(blocks, least / blockSize);
        if (to - from < MIN_KEYS) {
            split(begin, end, differs, from, level);
            return;
        }
        add(level, begin, end, from, to);
        for (int i = begin; i < end; i++) {
            prefixOf[seq(i)] = to;
        }
        if (level + 1 < LEVELS) {
            split(begin, end, differs, to, level + 1);
        }
    }

    private void add(int level, int begin, int end, int from, int to) {
        if (count == groups.size()) {
            groups.add(new Group());
        }
        Group group = groups.get(count++);
        group.level = level;
        group.begin = begin;
        group.end = end;
        group.from = from;
        group.to = to;
    }

    /** Sorts sequences that are equal before {@code block} by it, and divides each run. */
    private void split(int begin, int end, int block, int from, int level) {
        for (int i = begin; i < end; i++) {
            int seq = seq(i);
            boolean ends = sharable(seq) < (block + 1L) * blockSize;
            order[i] = (ends ? -1L : input.blockTables[seq][block]) << 32 | seq;
        }
        Arrays.sort(order, begin, end);
        for (int first = begin; first < end; ) {
            long id = order[first] >> 32;
            int next = first + 1;
            while (next < end && order[next] >> 32 == id) {
                next++;
            }
            if (id >= 0 && next - first > 1) {
                divide(first, next, from, level);
            }
            first = next;
        }
    }

    /** Keys before the sequence's first query token, in whole tiles. */
    private int sharable(int seq) {
        return wholeTiles(input.contextLens[seq] - input.queryLen(seq));
    }

    private static int wholeTiles(int keys) {
        return keys / CpuKvStore.TILE * CpuKvStore.TILE;
    }

    /** Leading blocks that two sequences both have, at most {@code limit}. */
    private int sameBlocks(int a, int b, int limit) {
        int differs =
                Arrays.mismatch(
                        input.blockTables[a], 0, limit, input.blockTables[b], 0, limit);
        return differs < 0 ? limit : differs;
    }

    /** Groups of all levels; one comes after the group it lies in. */
    int count() {
        return count;
    }

    /** The group of that index, until the next step. */
    Group group(int index) {
        return groups.get(index);
    }

    /** The sequence at an index; the sequences of a group lie side by side. */
    int seq(int index) {
        return (int) order[index];
    }

    /** Keys that the sequence's groups attend to: 0 where it is alone, else a multiple of a tile. */
    int sharedKeys(int seq) {
        return prefixOf[seq];
    }
}
