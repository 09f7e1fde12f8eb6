package dev.millrace.engine.kvcache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.Arrays;

class KvCacheTest {
    private static final int[] TOKENS = {1, 2, 3, 4, 5, 6, 7, 8, 9};

    @Test
    void aComputedPrefixIsSharedAndOneTokenIsLeftToCompute() {
        KvCache kv = new KvCache(10, 2, true, 0);
        BlockTable first = computed(kv, TOKENS, 8);
        BlockTable second = new BlockTable();
        assertEquals(
                3,
                kv.cachedBlocks(second, TOKENS, 8),
                "eight tokens in four full blocks: the last is computed");
        assertEquals(6, kv.allocate(second, TOKENS, 8, 3, 0, false));
        assertArrayEquals(Arrays.copyOf(first.blocks(), 3), Arrays.copyOf(second.blocks(), 3));
        assertEquals(2, kv.pool().refCount(first.blocks()[0]));
        assertEquals(5, kv.pool().numReferenced());
        kv.free(first);
        kv.free(second);
        kv.checkConservation();
        assertEquals(0, kv.pool().numReferenced());
    }

    @Test
    void blocksAreFoundOnlyWhenComputed() {
        KvCache kv = new KvCache(10, 2, true, 0);
        BlockTable leader = new BlockTable();
        kv.allocate(leader, TOKENS, 9, kv.cachedBlocks(leader, TOKENS, 9), 0, false);
        BlockTable follower = new BlockTable();
        assertEquals(0, kv.cachedBlocks(follower, TOKENS, 9));
        assertTrue(kv.isBeingComputed(follower, 9, 0));
        kv.commit(leader, TOKENS, 5);
        assertEquals(2, kv.cachedBlocks(follower, TOKENS, 9));
        assertTrue(kv.isBeingComputed(follower, 9, 2));
        kv.free(leader);
        assertFalse(kv.isBeingComputed(follower, 9, 2), "nobody computes it any more");
        kv.checkConservation();
    }

    @Test
    void withoutPrefixCachingNothingIsShared() {
        KvCache kv = new KvCache(10, 2, false, 0);
        computed(kv, TOKENS, 8);
        BlockTable second = new BlockTable();
        assertEquals(0, kv.cachedBlocks(second, TOKENS, 8));
        assertFalse(kv.isBeingComputed(second, 8, 0));
    }

    @Test
    void theOldestTailIsReusedFirst() {
        KvCache kv = new KvCache(6, 2, true, 0);
        BlockTable old = computed(kv, TOKENS, 6);
        int[] oldBlocks = Arrays.copyOf(old.blocks(), 3);
        kv.free(old);
        int[] others = {21, 22, 23, 24};
        kv.free(computed(kv, others, 4));
        // One block is free still; the next two come from the old sequence's tail.
        BlockTable fresh = new BlockTable();
        int[] distinct = {31, 32, 33, 34, 35, 36};
        kv.allocate(fresh, distinct, 6, kv.cachedBlocks(fresh, distinct, 6), 0, false);
        assertArrayEquals(
                new int[] {oldBlocks[2], oldBlocks[1]}, Arrays.copyOfRange(fresh.blocks(), 1, 3));
        assertEquals(1, kv.cachedBlocks(new BlockTable(), TOKENS, 6), "its head is there still");
        assertEquals(
                1, kv.cachedBlocks(new BlockTable(), others, 4), "and so is the younger sequence");
        kv.checkConservation();
    }

    @Test
    void theWatermarkKeepsRoomForTheRunning() {
        KvCache kv = new KvCache(10, 2, true, 0.2);
        BlockTable table = new BlockTable();
        int[] tokens = new int[18];
        assertEquals(
                -1,
                kv.allocate(table, tokens, 18, kv.cachedBlocks(table, tokens, 18), 0, false),
                "nine of ten, two kept free");
        assertEquals(0, table.numBlocks());
        assertEquals(0, kv.allocate(table, tokens, 18, 0, 0, true));
        assertTrue(kv.grow(table, 20), "growing may use them");
        assertFalse(kv.grow(table, 21));
        kv.checkConservation();
    }

    /** Hits that are evictable count as room only once: as hits. */
    @Test
    void hitsAreNotAlsoGivenAway() {
        KvCache kv = new KvCache(4, 2, true, 0);
        kv.free(computed(kv, TOKENS, 8));
        BlockTable table = new BlockTable();
        int[] longer = Arrays.copyOf(TOKENS, 11);
        assertEquals(4, kv.cachedBlocks(table, longer, 11));
        assertEquals(-1, kv.allocate(table, longer, 11, 4, 0, true), "six blocks of four");
        assertEquals(4, kv.pool().numAvailable());
        assertEquals(4, kv.cachedBlocks(table, longer, 11), "and nothing is lost");
        kv.checkConservation();
    }

    /**
     * Two sequences compute equal blocks; the one whose blocks are not the known ones outlives the
     * other.
     */
    @Test
    void whatFollowsAnEvictedPrefixIsNotKept() {
        KvCache kv = new KvCache(6, 2, true, 0);
        BlockTable first = new BlockTable();
        BlockTable second = new BlockTable();
        kv.allocate(first, TOKENS, 4, kv.cachedBlocks(first, TOKENS, 4), 0, true);
        kv.allocate(second, TOKENS, 4, kv.cachedBlocks(second, TOKENS, 4), 0, true);
        kv.commit(first, TOKENS, 4);
        kv.commit(second, TOKENS, 4);
        kv.free(first);
        assertTrue(kv.grow(second, 6));
        // The known prefix is evicted to make room, while the second sequence's own copy of it is
        // in use.
        BlockTable other = new BlockTable();
        assertTrue(kv.grow(other, 6));
        kv.commit(second, TOKENS, 6);
        kv.free(second);
        assertEquals(3, kv.pool().numFree(), "the third block could not be found by anyone");
        assertEquals(0, kv.pool().numEvictable());
        kv.checkConservation();
    }

    /** Positive control: as long as the known prefix is there, what follows it is kept. */
    @Test
    void whatFollowsAKnownPrefixIsKeptThoughTheBlocksAreCopies() {
        KvCache kv = new KvCache(8, 2, true, 0);
        BlockTable first = new BlockTable();
        BlockTable second = new BlockTable();
        kv.allocate(first, TOKENS, 4, kv.cachedBlocks(first, TOKENS, 4), 0, true);
        kv.allocate(second, TOKENS, 4, kv.cachedBlocks(second, TOKENS, 4), 0, true);
        kv.commit(first, TOKENS, 4);
        kv.commit(second, TOKENS, 4);
        kv.free(first);
        assertTrue(kv.grow(second, 6));
        kv.commit(second, TOKENS, 6);
        kv.free(second);
        assertEquals(3, kv.cachedBlocks(new BlockTable(), TOKENS, 7));
        kv.checkConservation();
    }

    private static BlockTable computed(KvCache kv, int[] tokens, int numTokens) {
        BlockTable table = new BlockTable();
        kv.allocate(table, tokens, numTokens, kv.cachedBlocks(table, tokens, numTokens), 0, true);
        kv.commit(table, tokens, numTokens);
        return table;
    }
}
