package dev.millrace.sink.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class JobIdSetTest {
    @Test
    void agreesWithAPlainSet() {
        long seed = 99;
        Random random = new Random(seed);
        JobIdSet set = new JobIdSet(1_000_000);
        Set<String> plain = new HashSet<>();
        for (int i = 0; i < 200_000; i++) {
            String id = "batch/request-" + random.nextInt(100_000);
            assertEquals(plain.add(id), set.add(id), "seed " + seed + ", id " + id);
        }
        assertFalse(set.isFull());
    }

    @Test
    void fullSetKnowsWhatItHasAndSaysThatItIsFull() {
        JobIdSet set = new JobIdSet(2);
        assertTrue(set.add("a"));
        assertTrue(set.add("b"));
        assertTrue(set.isFull());
        assertTrue(set.add("c"));
        assertTrue(set.add("c"), "not remembered, so not known");
        assertFalse(set.add("a"));
    }
}
