package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;

class FinishedAheadCodecTest {

    @Test
    void everySetComesBackAsItWas() {
        for (long seed = 1; seed <= 500; seed++) {
            Random random = new Random(seed);
            long base = random.nextBoolean() ? random.nextInt(1000) : random.nextLong(1L << 60);
            TreeSet<Long> offsets = randomOffsets(random, base);
            FinishedAhead set = setOf(offsets);
            String metadata = FinishedAheadCodec.encode(base, set, base + random.nextInt(3));
            Optional<FinishedAhead> decoded = FinishedAheadCodec.decode(base, metadata);
            assertEquals(Optional.of(set), decoded, "seed " + seed);
            assertEquals(offsets.size(), decoded.get().count(), "seed " + seed);
            for (int i = 0; i < 100; i++) {
                long offset = base + random.nextInt(5000);
                assertEquals(
                        offsets.contains(offset),
                        decoded.get().contains(offset),
                        "seed " + seed + " offset " + offset);
            }
        }
    }

    @Test
    void anyChangedCharacterIsNoticed() {
        for (long seed = 1; seed <= 200; seed++) {
            Random random = new Random(seed);
            String metadata = FinishedAheadCodec.encode(7, setOf(randomOffsets(random, 7)), 0);
            StringBuilder changed = new StringBuilder(metadata);
            // The last character may hold bits that stand for nothing.
            int at = random.nextInt(metadata.length() - 1);
            char replacement = metadata.charAt(at) == 'A' ? 'B' : 'A';
            changed.setCharAt(at, replacement);
            assertTrue(FinishedAheadCodec.decode(7, metadata).isPresent(), "the control");
            assertFalse(
                    FinishedAheadCodec.decode(7, changed.toString()).isPresent(),
                    "seed " + seed + ": " + changed);
            assertFalse(
                    FinishedAheadCodec.decode(7, metadata.substring(0, at)).isPresent(),
                    "seed " + seed + ": cut off");
        }
    }

    @Test
    void foreignMetadataIsRefusedWithTheReason() {
        String good = FinishedAheadCodec.encode(5, FinishedAhead.NONE, 0);
        assertNull(FinishedAheadCodec.inspect(5, good).problem());
        assertEquals("there is no metadata", FinishedAheadCodec.inspect(5, "").problem());
        assertEquals("there is no metadata", FinishedAheadCodec.inspect(5, null).problem());
        assertEquals(
                "it belongs to offset 5, not 6", FinishedAheadCodec.inspect(6, good).problem());
        assertEquals(
                "it does not begin with the magic bytes MR",
                FinishedAheadCodec.inspect(5, "bGFzdCBzZWVu").problem());
        assertTrue(
                FinishedAheadCodec.inspect(5, "committed by hand")
                        .problem()
                        .contains("Illegal base64"));
    }

    @Test
    void theShorterEncodingIsTaken() {
        FinishedAhead.Builder everySecond = new FinishedAhead.Builder();
        for (long offset = 1; offset < 16_000; offset += 2) {
            everySecond.add(offset, offset + 1);
        }
        int bitmap = FinishedAheadCodec.encode(0, everySecond.build(), 0).length();
        assertTrue(
                bitmap < 16_000 / 8 * 4 / 3 + 20,
                bitmap + " chars for 16,000 offsets, every second finished");
        int runs =
                FinishedAheadCodec.encode(
                                0, new FinishedAhead.Builder().add(1, 1_000_000_000).build(), 0)
                        .length();
        assertTrue(runs < 32, runs + " chars for one run of a billion");
    }

    @Test
    void theBoundHoldsForEverySet() {
        for (long seed = 1; seed <= 300; seed++) {
            Random random = new Random(seed);
            long base = random.nextLong(1L << 60);
            FinishedAhead set = setOf(randomOffsets(random, base));
            long span = set.endOr(base) - base;
            int chars = FinishedAheadCodec.encode(base, set, base + span).length();
            assertTrue(chars <= FinishedAheadCodec.maxChars(span, set.numRuns()), "seed " + seed);
        }
    }

    private static TreeSet<Long> randomOffsets(Random random, long base) {
        TreeSet<Long> offsets = new TreeSet<>();
        double density = random.nextDouble();
        int span = 1 + random.nextInt(4000);
        for (int i = 1; i < span; i++) {
            if (random.nextDouble() < density) {
                offsets.add(base + i);
            }
        }
        return offsets;
    }

    private static FinishedAhead setOf(TreeSet<Long> offsets) {
        FinishedAhead.Builder runs = new FinishedAhead.Builder();
        offsets.forEach(offset -> runs.add(offset, offset + 1));
        return runs.build();
    }
}
