package dev.millrace.engine.kvcache;

/**
 * Who may use which block. A block is in one of three states, and {@link #checkConservation} proves
 * that none is lost:
 *
 * <ul>
 *   <li><b>free</b>: on the free list, holds nothing of use;
 *   <li><b>referenced</b>: in the block table of one or more sequences;
 *   <li><b>evictable</b>: in no table, but its content is known to the prefix cache; on the
 *       eviction list, oldest first.
 * </ul>
 *
 * Both lists run through the same two arrays, so that taking, freeing and reviving a block are O(1)
 * and allocate nothing.
 */
public final class BlockPool {
    private final int numBlocks;

    /**
     * [numBlocks + 2] neighbours on a list; the last two entries are the heads of the free and the
     * eviction list
     */
    private final int[] next;

    private final int[] previous;
    private final int[] refCounts;
    private final int freeHead;
    private final int evictableHead;
    private int numFree;
    private int numEvictable;

    public BlockPool(int numBlocks) {
        if (numBlocks < 1) {
            throw new IllegalArgumentException(
                    "a KV cache needs at least one block, not " + numBlocks);
        }
        this.numBlocks = numBlocks;
        next = new int[numBlocks + 2];
        previous = new int[numBlocks + 2];
        refCounts = new int[numBlocks];
        freeHead = numBlocks;
        evictableHead = numBlocks + 1;
        next[freeHead] = previous[freeHead] = freeHead;
        next[evictableHead] = previous[evictableHead] = evictableHead;
        for (int block = 0; block < numBlocks; block++) {
            append(freeHead, block);
        }
        numFree = numBlocks;
    }

    public int numBlocks() {
        return numBlocks;
    }

    public int numFree() {
        return numFree;
    }

    public int numEvictable() {
        return numEvictable;
    }

    /** Blocks in block tables, each counted once. */
    public int numReferenced() {
        return numBlocks - numFree - numEvictable;
    }

    /** Blocks that a sequence could be given now. */
    public int numAvailable() {
        return numFree + numEvictable;
    }

    public int refCount(int block) {
        return refCounts[block];
    }

    /** Takes a free block with one reference; -1 if there is none. */
    public int takeFree() {
        return numFree == 0 ? -1 : takeFirst(freeHead);
    }

    /**
     * Takes the oldest evictable block with one reference; -1 if there is none. The caller forgets
     * its content.
     */
    public int evictOldest() {
        return numEvictable == 0 ? -1 : takeFirst(evictableHead);
    }

    /** The evictable blocks, oldest first. */
    public int[] evictable() {
        int[] blocks = new int[numEvictable];
        int block = next[evictableHead];
        for (int i = 0; i < blocks.length; i++, block = next[block]) {
            blocks[i] = block;
        }
        return blocks;
    }

    /** Adds a reference to a block that is referenced or evictable. */
    public void retain(int block) {
        if (refCounts[block]++ == 0) {
            unlink(block);
            numEvictable--;
        }
    }

    /**
     * Drops a reference. With the last one the block becomes the youngest evictable block if {@code
     * cached}, free otherwise.
     */
    public void release(int block, boolean cached) {
        if (refCounts[block] <= 0) {
            throw new IllegalStateException(
                    "block " + block + " is released more often than it was taken");
        }
        if (--refCounts[block] > 0) {
            return;
        }
        append(cached ? evictableHead : freeHead, block);
        if (cached) {
            numEvictable++;
        } else {
            numFree++;
        }
    }

    /**
     * Walks everything and throws if a block is lost, doubled or miscounted: free + referenced +
     * evictable = total.
     */
    public void checkConservation() {
        int free = walk(freeHead);
        int evictable = walk(evictableHead);
        int referenced = 0;
        for (int count : refCounts) {
            referenced += count > 0 ? 1 : 0;
        }
        if (free != numFree
                || evictable != numEvictable
                || free + referenced + evictable != numBlocks) {
            throw new IllegalStateException(
                    "blocks do not add up: free "
                            + free
                            + " (counted "
                            + numFree
                            + ") + referenced "
                            + referenced
                            + " + evictable "
                            + evictable
                            + " (counted "
                            + numEvictable
                            + ") of "
                            + numBlocks);
        }
    }

    private int walk(int head) {
        int length = 0;
        for (int block = next[head]; block != head; block = next[block]) {
            if (refCounts[block] != 0 || previous[next[block]] != block || ++length > numBlocks) {
                throw new IllegalStateException("block " + block + " does not belong on its list");
            }
        }
        return length;
    }

    private int takeFirst(int head) {
        int block = next[head];
        unlink(block);
        refCounts[block] = 1;
        if (head == freeHead) {
            numFree--;
        } else {
            numEvictable--;
        }
        return block;
    }

    private void append(int head, int block) {
        int last = previous[head];
        next[last] = block;
        previous[block] = last;
        next[block] = head;
        previous[head] = block;
    }

    private void unlink(int block) {
        next[previous[block]] = next[block];
        previous[next[block]] = previous[block];
    }
}
