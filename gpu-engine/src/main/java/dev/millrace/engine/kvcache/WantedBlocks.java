package dev.millrace.engine.kvcache;

import java.util.Arrays;
import java.util.TreeSet;

/**
 * Which blocks the waiting sequences want to find, and which wanted block can be spared first.
 *
 * <p>The waiting sequences' block hashes form a prefix tree. Each node has a number while somebody
 * wants it, given in order of appearance, and the numbers from the root are a path. Paths in
 * lexicographic order are the tree in depth-first order, children in order of appearance. The
 * scheduler goes through the sequences in that order, around and around; so what lies just behind
 * its place is needed last, which is Belady's choice (1966) for an order that is known.
 */
final class WantedBlocks {
    /** A kept block, and the path that leads to it: the first {@code depth} numbers. */
    private record Kept(long[] path, int depth, int block) implements Comparable<Kept> {
        /** A node before its children, so that from behind the children come first. */
        @Override
        public int compareTo(Kept other) {
            int order = Arrays.compare(path, 0, depth, other.path, 0, other.depth);
            return order != 0 ? order : Integer.compare(block, other.block);
        }

        boolean leadsTo(long[] place) {
            return depth <= place.length && Arrays.equals(path, 0, depth, place, 0, depth);
        }
    }

    private final BlockPool pool;
    private final PrefixCache prefixes;
    private final int blockSize;
    private final HashCounts counts = new HashCounts();
    private final TreeSet<Kept> kept = new TreeSet<>();

    /** [numBlocks] the entry of a kept block, else null */
    private final Kept[] entries;

    private long[] place = {};

    WantedBlocks(BlockPool pool, PrefixCache prefixes, int blockSize) {
        this.pool = pool;
        this.prefixes = prefixes;
        this.blockSize = blockSize;
        entries = new Kept[pool.numBlocks()];
    }

    /**
     * One more sequence wants its first {@code numWanted} full blocks; its table gets their path. A
     * sequence that wants none gets a path of its own, so that it has a place too.
     */
    void add(BlockTable table, int[] tokens, int numWanted) {
        long[] path = new long[Math.max(1, numWanted)];
        path[0] = numWanted == 0 ? counts.spareNumber() : 0;
        for (int i = 0; i < numWanted; i++) {
            path[i] = counts.add(table.hashes[i]);
        }
        table.path = path;
        table.numWanted = numWanted;
        int[] cached = cachedBlocks(table, tokens);
        for (int i = 0; i < cached.length; i++) {
            keepIfEvictable(cached[i], path, i + 1);
        }
    }

    /** A sequence wants nothing any more; what nobody wants now is let go, tail first. */
    void remove(BlockTable table, int[] tokens) {
        for (int i = 0; i < table.numWanted; i++) {
            counts.remove(table.hashes[i]);
        }
        // One that was admitted has just taken all that it could find.
        if (table.numBlocks == 0 && pool.numKept() > 0) {
            int[] cached = cachedBlocks(table, tokens);
            for (int i = cached.length - 1; i >= 0; i--) {
                if (pool.isKept(cached[i]) && counts.number(table.hashes[i]) == 0) {
                    forget(cached[i]);
                    pool.letGo(cached[i]);
                }
            }
        }
        table.forgetWanted();
    }

    /** Keeps what somebody wants of a table's blocks, which were released just now. */
    void released(BlockTable table) {
        long[] path = pathOf(table.hashes, Math.min(table.numHashed, table.numBlocks));
        for (int i = 0; i < path.length; i++) {
            keepIfEvictable(table.blocks[i], path, i + 1);
        }
    }

    /** Adds a reference to a block, kept or not. */
    void retain(int block) {
        pool.retain(block);
        forget(block);
    }

    /** The numbers of the leading hashes that somebody wants: whoever wants one wants all before. */
    private long[] pathOf(long[] hashes, int numHashes) {
        long[] path = new long[8];
        int length = 0;
        while (length < numHashes) {
            long number = counts.number(hashes[length]);
            if (number == 0) {
                break;
            }
            if (length == path.length) {
                path = Arrays.copyOf(path, 2 * length);
            }
            path[length++] = number;
        }
        return length == path.length ? path : Arrays.copyOf(path, length);
    }

    private int[] cachedBlocks(BlockTable table, int[] tokens) {
        int[] blocks = new int[table.numWanted];
        long entry = PrefixCache.ROOT_ENTRY;
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = prefixes.find(entry, table.hashes[i], tokens, i * blockSize);
            if (blocks[i] < 0) {
                return Arrays.copyOf(blocks, i);
            }
            entry = prefixes.entryId(blocks[i]);
        }
        return blocks;
    }

    private void keepIfEvictable(int block, long[] path, int depth) {
        if (pool.refCount(block) == 0 && prefixes.contains(block) && !pool.isKept(block)) {
            pool.keep(block);
            entries[block] = new Kept(path, depth, block);
            kept.add(entries[block]);
        }
    }

    private void forget(int block) {
        if (entries[block] != null) {
            kept.remove(entries[block]);
            entries[block] = null;
        }
    }

    /** The scheduler will go on from here. */
    void goOnFrom(long[] path) {
        place = path;
    }

    /**
     * Takes the kept block whose use is furthest away, with one reference; one must be there. Those
     * that lead to the place itself are next of all, though they lie just before it in the order.
     */
    int takeFurthest() {
        Kept candidate = kept.lower(new Kept(place, place.length, Integer.MAX_VALUE));
        while (candidate != null && candidate.leadsTo(place)) {
            candidate = kept.lower(candidate);
        }
        int block = candidate == null ? kept.last().block() : candidate.block();
        retain(block);
        return block;
    }

    int numKept() {
        return kept.size();
    }
}
