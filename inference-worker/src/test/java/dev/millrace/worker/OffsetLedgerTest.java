package dev.millrace.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;

class OffsetLedgerTest {
    private static final TopicPartition PARTITION = new TopicPartition("ready.pool", 0);
    private static final int STOP_CHARS = 3072;

    @Test
    void frontierIsTheLowestUnfinishedOffset() {
        OffsetLedger ledger = ledger(10, FinishedAhead.NONE);
        deliver(ledger, 10, 11, 12, 13);
        ledger.finish(11);
        ledger.finish(13);
        assertEquals(10, ledger.frontier());
        assertEquals("[11..11 13..13]", ledger.finishedAhead().toString());
        ledger.finish(10);
        assertEquals(12, ledger.frontier());
        assertEquals("[13..13]", ledger.finishedAhead().toString());
        ledger.finish(12);
        assertEquals(14, ledger.frontier());
        assertTrue(ledger.finishedAhead().isEmpty());
    }

    @Test
    void gapsNeedNoCase() {
        OffsetLedger ledger = ledger(0, FinishedAhead.NONE);
        deliver(ledger, 3, 7, 20);
        assertEquals(
                3,
                ledger.frontier(),
                "offsets 0 to 2 were never delivered, so nothing waits for them");
        ledger.finish(7);
        assertEquals(
                "[4..19]",
                ledger.finishedAhead().toString(),
                "offsets that do not exist join the run around them");
        ledger.finish(3);
        assertEquals(20, ledger.frontier());
        ledger.finish(20);
        ledger.observePosition(25);
        assertEquals(25, ledger.frontier(), "markers at the end are passed");
    }

    @Test
    void aMarkerAtTheEndMovesNothingWhileAJobIsUnfinished() {
        OffsetLedger ledger = ledger(0, FinishedAhead.NONE);
        deliver(ledger, 0);
        ledger.observePosition(5);
        assertEquals(0, ledger.frontier());
    }

    @Test
    void whatAnEarlierAssignmentFinishedIsSkippedAndKept() {
        FinishedAhead before = new FinishedAhead.Builder().add(12, 14).add(500, 501).build();
        OffsetLedger ledger = ledger(10, before);
        assertTrue(ledger.deliver(10));
        assertTrue(ledger.deliver(11));
        assertFalse(ledger.deliver(12));
        assertFalse(ledger.deliver(13));
        assertTrue(ledger.deliver(14));
        ledger.finish(11);
        assertEquals(
                "[11..13 500..500]",
                ledger.finishedAhead().toString(),
                "500 was not read again yet and must not be forgotten");
        ledger.finish(10);
        ledger.finish(14);
        assertEquals(15, ledger.frontier());
        assertEquals("[500..500]", ledger.finishedAhead().toString());
    }

    @Test
    void finishingTwiceOrUndeliveredIsRefused() {
        OffsetLedger ledger = ledger(0, FinishedAhead.NONE);
        deliver(ledger, 0, 1);
        ledger.finish(1);
        assertThrows(IllegalStateException.class, () -> ledger.finish(1));
        assertThrows(IllegalStateException.class, () -> ledger.finish(2));
        assertThrows(IllegalStateException.class, () -> ledger.deliver(1), "offsets only rise");
    }

    @Test
    void admissionStopsBeforeTheMetadataCanOutgrowItsLimitWhateverFinishes() {
        for (long seed = 1; seed <= 20; seed++) {
            Random random = new Random(seed);
            OffsetLedger ledger = ledger(0, FinishedAhead.NONE);
            List<Long> unfinished = new ArrayList<>();
            boolean hasStopped = false;
            long offset = 0;
            for (int i = 0; i < 60_000; i++) {
                if (ledger.canAdmit() && unfinished.size() < 4000) {
                    offset += 1 + (random.nextInt(4) == 0 ? random.nextInt(3) : 0);
                    ledger.deliver(offset);
                    unfinished.add(offset);
                } else {
                    hasStopped |= !ledger.canAdmit();
                    // Everything but the first job may finish, in any order.
                    if (unfinished.size() > 1) {
                        ledger.finish(unfinished.remove(1 + random.nextInt(unfinished.size() - 1)));
                    }
                }
                if (i % 500 == 0) {
                    int chars = ledger.metadata().length();
                    assertTrue(
                            chars <= STOP_CHARS,
                            "seed " + seed + " step " + i + ": " + chars + " chars");
                    assertTrue(
                            chars <= ledger.maxMetadataChars() + 1,
                            "seed " + seed + ": the bound is no bound");
                }
            }
            assertTrue(hasStopped, "seed " + seed + ": the control, admission did stop");
            assertTrue(
                    offset > 18_000,
                    "seed " + seed + ": a slow job does not stop the partition at " + offset);
        }
    }

    @Test
    void aRestartNeverWedgesAPartitionAtItsBound() {
        // A set as long as a bitmap allows, every other offset unfinished: the worst that a worker
        // may leave behind.
        FinishedAhead.Builder before = new FinishedAhead.Builder();
        for (long offset = 1; offset < 18_000; offset += 2) {
            before.add(offset, offset + 1);
        }
        OffsetLedger ledger = ledger(0, before.build());
        TreeSet<Long> unfinished = new TreeSet<>();
        for (long offset = 0; offset < 18_000; offset++) {
            assertTrue(ledger.canAdmit(), "offset " + offset);
            if (ledger.deliver(offset)) {
                unfinished.add(offset);
            }
        }
        assertEquals(9000, unfinished.size());
        assertTrue(ledger.metadata().length() < WorkerConfig.BROKER_METADATA_LIMIT_CHARS);
    }

    @Test
    void theReplayBoundStaysInTheMetadataUntilItIsPassed() {
        OffsetLedger ledger = new OffsetLedger(PARTITION, 0, FinishedAhead.NONE, 3, STOP_CHARS);
        deliver(ledger, 0, 1, 2);
        ledger.finish(0);
        assertEquals(3, FinishedAheadCodec.inspect(1, ledger.metadata()).replayUntil());
        ledger.finish(1);
        ledger.finish(2);
        assertEquals(
                3,
                FinishedAheadCodec.inspect(3, ledger.metadata()).replayUntil(),
                "no further than the frontier");
    }

    private static OffsetLedger ledger(long committedOffset, FinishedAhead before) {
        return new OffsetLedger(PARTITION, committedOffset, before, 0, STOP_CHARS);
    }

    private static void deliver(OffsetLedger ledger, long... offsets) {
        for (long offset : offsets) {
            assertTrue(ledger.deliver(offset));
        }
    }
}
