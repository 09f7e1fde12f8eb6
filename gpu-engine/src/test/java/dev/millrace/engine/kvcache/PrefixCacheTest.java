package dev.millrace.engine.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

class PrefixCacheTest {
    private static final int BLOCK_SIZE = 2;

    @Test
    void aHashIsNeverTrusted() {
        PrefixCache cache = new PrefixCache(4, BLOCK_SIZE);
        long collision = 42;
        cache.add(0, PrefixCache.ROOT_ENTRY, collision, new int[] {1, 2}, 0);
        assertEquals(0, cache.find(PrefixCache.ROOT_ENTRY, collision, new int[] {1, 2}, 0));
        assertEquals(
                -1,
                cache.find(PrefixCache.ROOT_ENTRY, collision, new int[] {1, 3}, 0),
                "other tokens");
        assertEquals(-1, cache.find(7, collision, new int[] {1, 2}, 0), "another prefix");
        cache.add(1, PrefixCache.ROOT_ENTRY, collision, new int[] {1, 3}, 0);
        assertEquals(1, cache.find(PrefixCache.ROOT_ENTRY, collision, new int[] {1, 3}, 0));
    }

    /**
     * A child stays behind when its parent's block gets other content; it must not be found through
     * that.
     */
    @Test
    void aReusedParentDoesNotLeadToItsOldChild() {
        PrefixCache cache = new PrefixCache(4, BLOCK_SIZE);
        int[] tokens = {1, 2, 3, 4};
        cache.add(0, PrefixCache.ROOT_ENTRY, 10, tokens, 0);
        long parent = cache.entryId(0);
        cache.add(1, parent, 11, tokens, 2);
        assertEquals(1, cache.find(parent, 11, tokens, 2));
        cache.remove(0);
        cache.add(0, PrefixCache.ROOT_ENTRY, 10, tokens, 0);
        assertNotEquals(parent, cache.entryId(0));
        assertEquals(-1, cache.find(cache.entryId(0), 11, tokens, 2));
    }

    @Test
    void oneBlockIsAddedOnce() {
        PrefixCache cache = new PrefixCache(2, BLOCK_SIZE);
        cache.add(0, PrefixCache.ROOT_ENTRY, 1, new int[] {1, 2}, 0);
        assertThrows(
                IllegalStateException.class,
                () -> cache.add(0, PrefixCache.ROOT_ENTRY, 2, new int[] {3, 4}, 0));
    }

    /**
     * Random adds and removes with few hash values, so that probe runs are long, collide and wrap
     * around.
     */
    @Test
    void behavesAsAPlainMap() {
        for (long seed = 1; seed <= 30; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int numBlocks = 1 + random.nextInt(32);
            PrefixCache cache = new PrefixCache(numBlocks, BLOCK_SIZE);
            Map<List<Integer>, Integer> model = new HashMap<>();
            for (int op = 0; op < 3_000; op++) {
                int[] tokens = {random.nextInt(8), random.nextInt(8)};
                long hash = (long) tokens[0] << 61 | tokens[0] % 3L << 32;
                List<Integer> key = List.of(tokens[0], tokens[1]);
                int block = random.nextInt(numBlocks);
                if (random.nextInt(3) == 0) {
                    cache.remove(block);
                    model.values().remove(block);
                } else if (!model.containsKey(key) && !model.containsValue(block)) {
                    cache.add(block, PrefixCache.ROOT_ENTRY, hash, tokens, 0);
                    model.put(key, block);
                }
                String where = "prefix cache seed " + seed + ", operation " + op;
                assertEquals(model.size(), cache.size(), where);
                assertEquals(
                        model.getOrDefault(key, -1),
                        cache.find(PrefixCache.ROOT_ENTRY, hash, tokens, 0),
                        where);
                assertEquals(model.containsValue(block), cache.contains(block), where);
            }
        }
    }

    @Test
    void hashCountsBehaveAsAPlainMap() {
        SplittableRandom random = new SplittableRandom(3);
        HashCounts counts = new HashCounts();
        List<Long> model = new ArrayList<>();
        for (int op = 0; op < 20_000; op++) {
            long hash = (long) random.nextInt(300) << 30;
            if (random.nextInt(20) < 9 && model.remove(hash)) {
                counts.remove(hash);
            } else {
                counts.add(hash);
                model.add(hash);
            }
            if (op % 50 == 0) {
                for (long h = 0; h < 300; h++) {
                    assertEquals(model.contains(h << 30), counts.contains(h << 30));
                }
                assertEquals(model.stream().distinct().count(), counts.size());
            }
        }
        assertThrows(IllegalStateException.class, () -> counts.remove(-1));
    }

    @Test
    void hashesDependOnEveryTokenAndOnThePrefix() {
        int[] tokens = {5, 6, 7, 8};
        long first = BlockHash.chain(BlockHash.ROOT, tokens, 0, 2);
        assertEquals(first, BlockHash.chain(BlockHash.ROOT, new int[] {5, 6}, 0, 2));
        assertNotEquals(first, BlockHash.chain(BlockHash.ROOT, new int[] {6, 5}, 0, 2));
        assertNotEquals(
                BlockHash.chain(first, tokens, 2, 2),
                BlockHash.chain(BlockHash.ROOT, tokens, 2, 2));
        long distinct =
                IntStream.range(0, 100_000)
                        .mapToLong(
                                token ->
                                        BlockHash.chain(BlockHash.ROOT, new int[] {token, 0}, 0, 2))
                        .distinct()
                        .count();
        assertEquals(100_000, distinct);
    }
}
