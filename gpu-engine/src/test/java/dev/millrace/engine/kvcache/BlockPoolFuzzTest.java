package dev.millrace.engine.kvcache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Random operations on a pool, each compared with a plain model of two queues and an array of counts. */
class BlockPoolFuzzTest {

    @Test
    void behavesAsThePlainModel() {
        for (long seed = 1; seed <= 40; seed++) {
            try {
                run(seed);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("block pool seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }

    private static void run(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int numBlocks = 1 + random.nextInt(40);
        BlockPool pool = new BlockPool(numBlocks);
        Deque<Integer> free = new ArrayDeque<>();
        Deque<Integer> evictable = new ArrayDeque<>();
        List<Integer> referenced = new ArrayList<>();
        for (int block = 0; block < numBlocks; block++) {
            free.add(block);
        }
        for (int op = 0; op < 2_000; op++) {
            switch (random.nextInt(5)) {
                case 0 -> take(pool.takeFree(), free, referenced);
                case 1 -> take(pool.evictOldest(), evictable, referenced);
                case 2 -> {
                    if (!evictable.isEmpty()) {
                        int block = new ArrayList<>(evictable).get(random.nextInt(evictable.size()));
                        pool.retain(block);
                        evictable.remove(block);
                        referenced.add(block);
                    } else if (!referenced.isEmpty()) {
                        int block = referenced.get(random.nextInt(referenced.size()));
                        pool.retain(block);
                        referenced.add(block);
                    }
                }
                default -> {
                    if (!referenced.isEmpty()) {
                        int block = referenced.remove(random.nextInt(referenced.size()));
                        boolean cached = random.nextBoolean();
                        pool.release(block, cached);
                        if (!referenced.contains(block)) {
                            (cached ? evictable : free).add(block);
                        }
                    }
                }
            }
            pool.checkConservation();
            assertEquals(free.size(), pool.numFree());
            assertEquals(evictable.size(), pool.numEvictable());
            assertEquals(referenced.stream().distinct().count(), pool.numReferenced());
            for (int block = 0; block < numBlocks; block++) {
                int wanted = block;
                assertEquals(referenced.stream().filter(b -> b == wanted).count(), pool.refCount(block));
            }
        }
    }

    private static void take(int taken, Deque<Integer> from, List<Integer> referenced) {
        assertEquals(from.isEmpty() ? -1 : from.peek(), taken);
        if (taken >= 0) {
            referenced.add(from.remove());
        }
    }

    @Test
    void refusesToReleaseTwice() {
        BlockPool pool = new BlockPool(2);
        int block = pool.takeFree();
        pool.release(block, false);
        assertThrows(IllegalStateException.class, () -> pool.release(block, false));
    }

    /** Positive control: a block that goes onto a list while its count says otherwise is noticed. */
    @Test
    void theConservationCheckCanFail() {
        BlockPool pool = new BlockPool(3);
        // Retaining a block that is free, which no caller may do, breaks the count of evictable blocks.
        pool.retain(0);
        assertThrows(IllegalStateException.class, pool::checkConservation);
    }
}
