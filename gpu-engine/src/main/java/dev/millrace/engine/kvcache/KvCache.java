package dev.millrace.engine.kvcache;

import dev.millrace.engine.kvtier.BlockArchive;

/**
 * Memory for the KV of sequences: blocks given, shared by prefix and taken back. Owned by the
 * engine's thread.
 *
 * <p>A block becomes findable only by {@link #commit}, when its KV has been computed. A prefix hit
 * never covers all of a sequence's tokens, since the last one must be computed to have logits.
 */
public final class KvCache {
    private final int blockSize;
    private final boolean prefixCaching;
    private final int watermarkBlocks;
    private final BlockPool pool;
    private final PrefixCache prefixes;

    /** Hashes of the prompt blocks that running sequences have yet to commit. */
    private final HashCounts pending = new HashCounts();

    /** Null where blocks live on the device alone; then there are no names either. */
    private BlockArchive archive;

    private BlockNames names;
    private final WantedBlocks wanted;
    private final SeenBlocks seen = new SeenBlocks(SeenBlocks.DEFAULT_CAPACITY);

    /**
     * @param freeBlocksWatermark share of the blocks kept free at admission, so that running
     *     sequences can grow
     */
    public KvCache(
            int numBlocks, int blockSize, boolean prefixCaching, double freeBlocksWatermark) {
        this.blockSize = blockSize;
        this.prefixCaching = prefixCaching;
        watermarkBlocks = (int) Math.ceil(numBlocks * freeBlocksWatermark);
        pool = new BlockPool(numBlocks);
        prefixes = new PrefixCache(numBlocks, blockSize);
        wanted = new WantedBlocks(pool, prefixes, blockSize);
    }

    /** Gives the cache tiers below the device, before its first block is used. */
    public void useArchive(BlockArchive below) {
        if (!prefixCaching || prefixes.size() > 0) {
            throw new IllegalStateException(
                    "KV tiers need prefix caching, and come before the first block is cached");
        }
        archive = below;
        names = new BlockNames(pool.numBlocks(), blockSize, below);
    }

    public int blockSize() {
        return blockSize;
    }

    public BlockPool pool() {
        return pool;
    }

    /** Most tokens that one sequence alone could hold. */
    public long capacityTokens() {
        return (long) pool.numBlocks() * blockSize;
    }

    public int blocksFor(int numTokens) {
        return (numTokens + blockSize - 1) / blockSize;
    }

    /**
     * A sequence waits from now on: what it could find in the cache is kept for it as long as there
     * is anything else to evict, and its table gets a path.
     */
    public void want(BlockTable table, int[] tokens, int numTokens) {
        int limit = 0;
        if (prefixCaching) {
            table.hashUpTo(tokens, numTokens, blockSize);
            limit = hittableBlocks(numTokens);
        }
        wanted.add(table, tokens, limit);
    }

    /** A sequence waits no longer: it was admitted, or is gone. */
    public void unwant(BlockTable table, int[] tokens) {
        wanted.remove(table, tokens);
    }

    /** The waiting sequences will be gone through from this path on, around and around. */
    public void goOnFrom(long[] path) {
        wanted.goOnFrom(path);
    }

    /**
     * How many leading tokens an unbounded cache would hold for a new sequence: what was computed
     * or asked for before, in whole blocks. Its own blocks count as asked for from now on.
     */
    public int seenTokens(BlockTable table, int[] tokens, int numTokens) {
        if (!prefixCaching) {
            return 0;
        }
        table.hashUpTo(tokens, numTokens, blockSize);
        int hit = 0;
        while (hit < hittableBlocks(numTokens) && seen.contains(table.hashes[hit])) {
            hit++;
        }
        for (int i = 0; i < numTokens / blockSize; i++) {
            seen.add(table.hashes[i]);
        }
        return hit * blockSize;
    }

    /**
     * How many of a sequence's leading blocks are cached now. Changes nothing but the table's
     * hashes.
     */
    public int cachedBlocks(BlockTable table, int[] tokens, int numTokens) {
        if (!prefixCaching) {
            return 0;
        }
        table.hashUpTo(tokens, numTokens, blockSize);
        int limit = hittableBlocks(numTokens);
        long entry = PrefixCache.ROOT_ENTRY;
        int hit = 0;
        while (hit < limit) {
            int block = prefixes.find(entry, table.hashes[hit], tokens, hit * blockSize);
            if (block < 0) {
                break;
            }
            entry = prefixes.entryId(block);
            hit++;
        }
        return hit;
    }

    /**
     * How many blocks after the cached ones can be brought up from below the device now.
     *
     * @param cachedBlocks what {@link #cachedBlocks} has just said
     * @return or {@link BlockArchive#READING}, if it is worth waiting for some
     */
    public int archivedBlocks(BlockTable table, int[] tokens, int numTokens, int cachedBlocks) {
        int limit = hittableBlocks(numTokens);
        if (archive == null || cachedBlocks >= limit || archive.isEmpty()) {
            return 0;
        }
        names.keyUpTo(table, tokens, limit);
        return archive.find(table, table.keys, tokens, cachedBlocks, limit);
    }

    /**
     * Whether a running sequence is computing the block that follows {@code cachedBlocks}, so that
     * waiting for it saves computing it again. Goes by the hash alone: a collision costs a wait and
     * nothing else.
     */
    public boolean isBeingComputed(BlockTable table, int numTokens, int cachedBlocks) {
        return prefixCaching
                && cachedBlocks < hittableBlocks(numTokens)
                && pending.contains(table.hashes[cachedBlocks]);
    }

    /**
     * Gives an empty table the blocks for {@code numTokens} tokens, cached ones first, if that
     * leaves the watermark free.
     *
     * @param cachedBlocks what {@link #cachedBlocks} has just said
     * @param archivedBlocks what {@link #archivedBlocks} has just said
     * @param ignoreWatermark for a sequence that has the cache to itself
     * @return tokens whose KV is there already, or -1, with nothing changed, if there is not enough
     *     room
     */
    public int allocate(
            BlockTable table,
            int[] tokens,
            int numTokens,
            int cachedBlocks,
            int archivedBlocks,
            boolean ignoreWatermark) {
        int fresh = blocksFor(numTokens) - cachedBlocks;
        int wanted = fresh + (ignoreWatermark ? 0 : watermarkBlocks);
        if (wanted > pool.numAvailable()) {
            return -1;
        }
        takeCached(table, tokens, cachedBlocks);
        if (wanted > pool.numAvailable()) {
            // The hits were evictable themselves: they cannot be kept and given away.
            free(table);
            return -1;
        }
        if (archive != null) {
            bringUp(table, tokens, cachedBlocks, archivedBlocks);
        }
        for (int i = archivedBlocks; i < fresh; i++) {
            table.append(takeBlock());
        }
        announce(table, numTokens);
        return table.numCommitted * blockSize;
    }

    /**
     * Grows a table to hold {@code numTokens} tokens; false, with nothing changed, if there is not
     * enough room.
     */
    public boolean grow(BlockTable table, int numTokens) {
        int missing = blocksFor(numTokens) - table.numBlocks;
        if (missing > pool.numAvailable()) {
            return false;
        }
        for (int i = 0; i < missing; i++) {
            table.append(takeBlock());
        }
        return true;
    }

    /**
     * Grows a table like {@link #grow}, but leaves the watermark free: for tokens that may come to
     * nothing.
     */
    public boolean growSpare(BlockTable table, int numTokens) {
        int missing = blocksFor(numTokens) - table.numBlocks;
        return missing <= 0
                || missing + watermarkBlocks <= pool.numAvailable() && grow(table, numTokens);
    }

    /**
     * Makes the full blocks among the first {@code numComputed} tokens findable: their KV is
     * computed.
     */
    public void commit(BlockTable table, int[] tokens, int numComputed) {
        if (!prefixCaching || numComputed / blockSize <= table.numCommitted) {
            return;
        }
        table.hashUpTo(tokens, numComputed, blockSize);
        int full = numComputed / blockSize;
        if (names != null) {
            names.keyUpTo(table, tokens, full);
        }
        for (int i = table.numCommitted; i < full; i++) {
            commitBlock(table, tokens, i);
        }
        table.numCommitted = full;
        withdraw(table, full);
    }

    /**
     * Takes all blocks back. Tail blocks become evictable before their prefix, and so are reused
     * first; those that a waiting sequence wants are kept.
     */
    public void free(BlockTable table) {
        withdraw(table, table.pendingTo);
        if (archive != null) {
            archive.release(table);
        }
        for (int i = table.numBlocks - 1; i >= 0; i--) {
            int block = table.blocks[i];
            pool.release(block, prefixes.contains(block));
        }
        if (prefixCaching) {
            wanted.released(table);
        }
        table.clear();
    }

    /** Writes what is worth it to the tiers that outlive the process; the end of the cache. */
    public void drain() {
        if (archive != null) {
            archive.drain(names.all(pool, prefixes));
        }
    }

    /** Throws if the bookkeeping does not add up. */
    public void checkConservation() {
        if (archive != null) {
            archive.checkConservation();
        }
        pool.checkConservation();
        int cached = 0;
        for (int block = 0; block < pool.numBlocks(); block++) {
            cached += prefixes.contains(block) ? 1 : 0;
        }
        if (cached != prefixes.size() || cached < pool.numEvictable()) {
            throw new IllegalStateException(
                    "the prefix cache counts "
                            + prefixes.size()
                            + " blocks, holds "
                            + cached
                            + ", and "
                            + pool.numEvictable()
                            + " are evictable");
        }
        if (wanted.numKept() != pool.numKept()) {
            throw new IllegalStateException(
                    wanted.numKept() + " blocks are kept, the pool counts " + pool.numKept());
        }
        if (pool.numReferenced() == 0 && pending.size() != 0) {
            throw new IllegalStateException(
                    pending.size() + " blocks are announced by sequences that are gone");
        }
    }

    private int hittableBlocks(int numTokens) {
        return (numTokens - 1) / blockSize;
    }

    private void takeCached(BlockTable table, int[] tokens, int cachedBlocks) {
        for (int i = 0; i < cachedBlocks; i++) {
            int block = prefixes.find(table.lastEntry, table.hashes[i], tokens, i * blockSize);
            wanted.retain(block);
            if (names != null) {
                names.foundAgain(block);
            }
            table.append(block);
            table.lastEntry = prefixes.entryId(block);
            table.lastEntryBlock = block;
        }
        table.numCommitted = cachedBlocks;
    }

    /** Lets the blocks that follow the cached ones be filled from below. */
    private void bringUp(BlockTable table, int[] tokens, int cached, int archived) {
        archive.lift(
                table.keys,
                cached,
                archived,
                index -> {
                    int block = takeBlock();
                    table.append(block);
                    prefixes.add(
                            block,
                            table.lastEntry,
                            table.hashes[index],
                            tokens,
                            index * blockSize);
                    names.name(block, table, index, true);
                    seen.add(table.hashes[index]);
                    table.lastEntry = prefixes.entryId(block);
                    table.lastEntryBlock = block;
                    return block;
                });
        table.numCommitted = cached + archived;
        archive.hitOnDevice(cached);
        archive.release(table);
    }

    private int takeBlock() {
        int block = pool.takeFree();
        if (block < 0) {
            block = pool.evictOldest();
            if (block < 0) {
                block = wanted.takeFurthest();
            }
            if (archive != null) {
                archive.evicted(names.content(block, prefixes), names.isReused(block), block);
            }
            prefixes.remove(block);
        }
        return block;
    }

    /**
     * Registers one block, unless an equal one is known (two sequences computed it) or its prefix
     * has been evicted.
     */
    private void commitBlock(BlockTable table, int[] tokens, int index) {
        if (table.lastEntryBlock >= 0
                && prefixes.entryId(table.lastEntryBlock) != table.lastEntry) {
            return;
        }
        int from = index * blockSize;
        int known = prefixes.find(table.lastEntry, table.hashes[index], tokens, from);
        if (known < 0) {
            known = table.blocks[index];
            prefixes.add(known, table.lastEntry, table.hashes[index], tokens, from);
            seen.add(table.hashes[index]);
            if (names != null) {
                names.name(known, table, index, false);
            }
        } else if (names != null) {
            names.foundAgain(known);
        }
        table.lastEntry = prefixes.entryId(known);
        table.lastEntryBlock = known;
    }

    private void announce(BlockTable table, int numTokens) {
        if (!prefixCaching) {
            return;
        }
        table.pendingFrom = table.numCommitted;
        table.pendingTo = Math.max(table.pendingFrom, numTokens / blockSize);
        for (int i = table.pendingFrom; i < table.pendingTo; i++) {
            pending.add(table.hashes[i]);
        }
    }

    private void withdraw(BlockTable table, int to) {
        for (; table.pendingFrom < Math.min(to, table.pendingTo); table.pendingFrom++) {
            pending.remove(table.hashes[table.pendingFrom]);
        }
    }
}
