package dev.millrace.engine.speculation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.SplittableRandom;

class PromptLookupTest {
    private static final long SEED = 20;

    @Test
    void theLongestMatchWinsOverANewerOne() {
        int[] tokens = {1, 2, 3, 7, 2, 3, 8, 1, 2, 3};
        PromptLookup lookup = new PromptLookup();
        assertEquals(3, find(lookup, tokens, tokens.length));
        assertEquals(3, lookup.continuation());
    }

    @Test
    void ofEquallyLongOnesTheNewestWins() {
        int[] tokens = {1, 2, 7, 1, 2, 8, 1, 2};
        PromptLookup lookup = new PromptLookup();
        assertEquals(2, find(lookup, tokens, tokens.length));
        assertEquals(5, lookup.continuation());
    }

    @Test
    void oneTokenInCommonIsNoMatch() {
        PromptLookup lookup = new PromptLookup();
        assertEquals(0, find(lookup, new int[] {5, 1, 6, 1}, 4));
        assertEquals(0, find(lookup, new int[] {5, 1, 6, 1, 2}, 5));
        assertEquals(0, find(new PromptLookup(), new int[] {5}, 1));
    }

    /** A run of one token is its own continuation: the match ends one token before. */
    @Test
    void aMatchMayOverlapItself() {
        int[] tokens = {4, 4, 4, 4};
        PromptLookup lookup = new PromptLookup();
        assertEquals(3, find(lookup, tokens, 4));
        assertEquals(3, lookup.continuation());
    }

    /**
     * Growing sequences of few distinct tokens, against a search through all positions. The index
     * looks at the newest occurrences only, so it may fall short; never may it claim too much.
     */
    @Test
    void agreesWithASearchThroughEverything() {
        SplittableRandom random = new SplittableRandom(SEED);
        int asLong = 0;
        int looks = 0;
        for (int round = 0; round < 60; round++) {
            int alphabet = 2 + random.nextInt(30);
            int[] tokens = random.ints(600, 0, alphabet).toArray();
            PromptLookup lookup = new PromptLookup();
            for (int n = 1 + random.nextInt(300); n <= 600; n += 1 + random.nextInt(4)) {
                int found = find(lookup, tokens, n);
                int best = longest(tokens, n);
                looks++;
                asLong += found == best ? 1 : 0;
                assertTrue(found <= best, "seed " + SEED + ": " + found + " of " + best);
                if (found > 0) {
                    int next = lookup.continuation();
                    assertTrue(next < n);
                    assertTrue(
                            Arrays.equals(tokens, next - found, next, tokens, n - found, n),
                            "seed " + SEED + ": what is found is no match");
                }
            }
        }
        assertTrue(asLong > 0.75 * looks, asLong + " of " + looks + " as long as possible");
    }

    @Test
    void anotherTextIsSearchedTheSameWay() {
        int[] text = {9, 1, 2, 3, 4, 9, 2, 3};
        PromptLookup lookup = new PromptLookup();
        assertEquals(3, lookup.find(text, text.length, new int[] {6, 1, 2, 3}, 4));
        assertEquals(4, lookup.continuation());
        // Nothing follows the last occurrence, so it is no use.
        assertEquals(2, lookup.find(text, text.length, new int[] {9, 2}, 2));
        assertEquals(0, lookup.find(text, text.length, new int[] {9, 9}, 2));
    }

    private static int find(PromptLookup lookup, int[] tokens, int numTokens) {
        return lookup.find(tokens, numTokens, tokens, numTokens);
    }

    private static int longest(int[] tokens, int n) {
        int best = 0;
        for (int end = 1; end < n; end++) {
            int length = 0;
            while (length < Math.min(end, PromptLookup.MAX_MATCH)
                    && tokens[end - 1 - length] == tokens[n - 1 - length]) {
                length++;
            }
            best = Math.max(best, length);
        }
        return best < PromptLookup.MIN_MATCH ? 0 : best;
    }
}
