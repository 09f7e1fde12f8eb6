package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.sampling.SampleRow;
import dev.millrace.engine.sampling.SampledToken;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.LongUnaryOperator;

/** The warm-up: ends when steps are fast, or in time; touches only slots of the cache. */
class WarmUpTest {
    private static final long MS = 1_000_000;

    private final List<Integer> stepTokens = new ArrayList<>();
    private int sharedPrefixSteps;
    private long now;

    @Test
    void endsWhenRoundsAreNoLongerFaster() {
        // Four slow rounds, then fast ones: three steps make a round.
        int rounds = run(16, 64, step -> step < 12 ? 50 * MS : MS, 10_000 * MS);
        assertEquals(4 + 1 + 12, rounds, "one fast round sets the mark, twelve more confirm it");
        assertEquals(rounds, sharedPrefixSteps, "each round has a step with a shared prefix");
        assertEquals(List.of(12, 3, 1), stepTokens.subList(0, 3));
    }

    @Test
    void endsInTimeWhenRoundsStayUneven() {
        int rounds = run(16, 64, step -> step % 2 == 0 ? 90 * MS : MS, 1_000 * MS);
        assertTrue(rounds < WarmUp.MAX_ROUNDS, "rounds: " + rounds);
        assertTrue(now < 1_400 * MS, "the last round may end after the time, none begins: " + now);
    }

    @Test
    void endsAfterTheLastRoundWhenTimeIsLong() {
        assertEquals(
                WarmUp.MAX_ROUNDS, run(16, 64, step -> (step / 3 + 1) % 3 * MS, 1_000_000 * MS));
    }

    @Test
    void aBlockMayHoldMoreThanTheSharedPrefix() {
        assertTrue(run(128, 6, step -> MS, 10_000 * MS) > 0);
        assertEquals(0, sharedPrefixSteps, "no block is shared");
    }

    @Test
    void aModelTooSmallForItIsLeftAlone() {
        assertEquals(0, run(16, 7, step -> MS, 10_000 * MS));
        assertEquals(List.of(), stepTokens);
        assertEquals(0, WarmUp.run(new Recorder(16, 64, s -> MS), 11, () -> now, 10_000 * MS));
    }

    private int run(int blockSize, int numBlocks, LongUnaryOperator stepNanos, long maxNanos) {
        Recorder model = new Recorder(blockSize, numBlocks, stepNanos);
        return WarmUp.run(model, 2048, () -> now, maxNanos);
    }

    /** Moves the clock at each step, and checks that every slot lies in the cache. */
    private final class Recorder implements ModelExecutor {
        private final KvLayout layout;
        private final LongUnaryOperator stepNanos;
        private int steps;

        Recorder(int blockSize, int numBlocks, LongUnaryOperator stepNanos) {
            this.layout = new KvLayout(numBlocks, blockSize, 1, 1, 8, 2);
            this.stepNanos = stepNanos;
        }

        @Override
        public Object launch(ForwardInput input, List<SampleRow> rows) {
            stepTokens.add(input.numTokens);
            assertEquals(input.numLogitRows, rows.size());
            for (int t = 0; t < input.numTokens; t++) {
                int slot = input.slotMapping[t];
                assertTrue(slot >= 0 && slot < layout.numBlocks() * layout.blockSize(), "" + slot);
                assertTrue(input.tokenIds[t] >= 0 && input.tokenIds[t] < vocabSize());
            }
            boolean several = input.numSeqs > 1;
            if (several && input.blockTables[0][0] == input.blockTables[1][0]) {
                sharedPrefixSteps++;
            }
            now += stepNanos.applyAsLong(steps++);
            return rows.size();
        }

        @Override
        public List<SampledToken> complete(Object launched) {
            return Collections.nCopies((Integer) launched, SampledToken.of(0));
        }

        @Override
        public KvLayout kvLayout() {
            return layout;
        }

        @Override
        public int vocabSize() {
            return 100;
        }

        @Override
        public int maxModelLen() {
            return 512;
        }

        @Override
        public void close() {}
    }
}
