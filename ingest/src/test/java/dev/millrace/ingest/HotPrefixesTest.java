package dev.millrace.ingest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class HotPrefixesTest {
    private static final long MINUTE = 60_000;
    private final HotPrefixes prefixes = new HotPrefixes(2, 4);
    private final String cold = PromptFingerprint.hex(7);

    @Test
    void hotFromTheThirdJobOfAMinuteAndColdTwoMinutesLater() {
        assertEquals(cold, prefixes.keyOf(7, "a", 0));
        assertEquals(cold, prefixes.keyOf(7, "a", 1));
        String salted = cold + "-" + Math.floorMod("a".hashCode(), 4);
        assertEquals(salted, prefixes.keyOf(7, "a", 2));
        assertEquals(salted, prefixes.keyOf(7, "a", MINUTE), "the last minute counts");
        assertEquals(cold, prefixes.keyOf(7, "a", 2 * MINUTE));
    }

    @Test
    void aGapForgetsAndOthersDoNotCount() {
        for (int i = 0; i < 10; i++) {
            prefixes.keyOf(7, "a", 0);
        }
        assertEquals(PromptFingerprint.hex(8), prefixes.keyOf(8, "a", 0));
        assertEquals(cold, prefixes.keyOf(7, "a", 5 * MINUTE));
    }
}
