package dev.millrace.engine.structured;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.TextConstraint;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;

/** Whoever begins a constrained text does not wait for the vocabulary. */
class ConstraintsTest {
    private static final int EOS = 3;

    /** Three letters and an end; to read it, others than the test's thread wait to be let in. */
    private static final class SlowVocabulary implements Vocabulary {
        private final Thread owner = Thread.currentThread();
        private final CountDownLatch open = new CountDownLatch(1);
        private volatile int readByOwner;

        @Override
        public int size() {
            return 4;
        }

        @Override
        public byte[] bytes(int tokenId) {
            if (Thread.currentThread() == owner) {
                readByOwner++;
            } else {
                awaitOpen();
            }
            return tokenId == EOS ? new byte[0] : new byte[] {(byte) ('a' + tokenId)};
        }

        private void awaitOpen() {
            try {
                open.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public int[] encode(String text) {
            return text.getBytes(StandardCharsets.UTF_8).length == 0 ? new int[0] : new int[] {0};
        }

        @Override
        public boolean stripsFirstSpace() {
            return false;
        }
    }

    @Test
    void theFirstTextIsHeldUntilTheTrieIsThere() {
        SlowVocabulary vocabulary = new SlowVocabulary();
        TextConstraint form =
                new TextConstraint(TextConstraint.Kind.CHOICE, "[\"a\",\"c\"]", "choice");
        try (Constraints constraints = new Constraints(vocabulary, 4, new int[] {EOS})) {
            ConstrainedText text = constraints.begin(form);
            assertEquals(0, vocabulary.readByOwner);
            assertTrue(text.isHeld());
            vocabulary.open.countDown();
            text.await();
            assertFalse(text.isHeld());
            assertEquals(0b101, text.mask().bits()[0]);
            text.accept(2);
            assertEquals(1L << EOS, text.mask().bits()[0]);
        }
    }
}
