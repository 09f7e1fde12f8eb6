package dev.millrace.engine.cuda;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.engine.cuda.AttentionCase.Params;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Random;

/**
 * Decode, chunked prefill, split caches and shared prefixes against sums in double over the values
 * in the cache.
 */
class AttentionKernelTest {
    private final Random random = new Random(5);
    private EmulatedCuda cuda;

    @BeforeEach
    void open() throws Exception {
        cuda = EmulatedCuda.open();
    }

    @AfterEach
    void close() {
        if (cuda != null) {
            cuda.close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "true,  128, 8, 2, 64, 0",
        "true,  64, 4, 4, 16, 0",
        "true,  64, 16, 1, 5, 0",
        "true,  128, 7, 1, 16, 20",
        "false, 128, 8, 2, 64, 0",
        "false, 64, 4, 2, 16, 33",
        "false, 64, 3, 3, 7, 1"
    })
    void decodesOneTokenPerSequence(
            boolean fp8, int dim, int heads, int kvHeads, int blockSize, int window) {
        int[] contexts = {1, 15, 16, 17, 64, 65, 150};
        int[] queries = {1, 1, 1, 1, 1, 1, 1};
        Params params = new Params(fp8, heads, kvHeads, dim, blockSize, window, queries, contexts);
        AttentionCase step = new AttentionCase(cuda, random, params);
        for (int seq = 0; seq < contexts.length; seq++) {
            step.whole(true, seq);
        }
        step.run();
    }

    @ParameterizedTest
    @CsvSource({"true, 128, 64", "true, 64, 16", "false, 128, 16", "false, 64, 64"})
    void decodesSplitCaches(boolean fp8, int dim, int blockSize) {
        Params params =
                new Params(
                        fp8, 4, 2, dim, blockSize, 0, new int[] {1, 3, 1}, new int[] {200, 90, 5});
        AttentionCase step = new AttentionCase(cuda, random, params);
        step.part(true, 0, 0, 64);
        step.part(true, 0, 64, 131);
        step.part(true, 0, 131, 200);
        step.part(
                true, 1, 0,
                89); // three query tokens: the last position is seen by the last one only
        step.part(true, 1, 89, 90);
        step.whole(true, 2);
        step.run();
    }

    @ParameterizedTest
    @CsvSource({
        "true,  128, 8, 2, 64, 0",
        "true,  64, 4, 4, 16, 0",
        "true,  64, 6, 2, 5, 30",
        "false, 128, 2, 1, 16, 0",
        "false, 64, 4, 1, 64, 32"
    })
    void prefillsChunks(boolean fp8, int dim, int heads, int kvHeads, int blockSize, int window) {
        Params params =
                new Params(
                        fp8,
                        heads,
                        kvHeads,
                        dim,
                        blockSize,
                        window,
                        new int[] {1, 33, 70, 5},
                        new int[] {9, 33, 131, 70});
        AttentionCase step = new AttentionCase(cuda, random, params);
        for (int seq = 0; seq < 4; seq++) {
            step.whole(false, seq);
        }
        step.run();
    }

    /** By wgmma: chunks with one and two groups of rows, from no tile to more than the ring holds. */
    @ParameterizedTest
    @CsvSource({
        "true,  128, 8, 2, 64, 0",
        "true,  64, 6, 2, 5, 150",
        "false, 128, 2, 1, 16, 0",
        "false, 64, 4, 1, 64, 32"
    })
    void prefillsChunksOnHopper(
            boolean fp8, int dim, int heads, int kvHeads, int blockSize, int window) {
        int[] contexts = {9, 33, 580, 129};
        int[] queries = {1, 33, 50, 16};
        Params params = new Params(fp8, heads, kvHeads, dim, blockSize, window, queries, contexts);
        AttentionCase step = new AttentionCase(cuda, random, params).onHopper();
        for (int seq = 0; seq < 4; seq++) {
            step.whole(false, seq);
        }
        step.run();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void sharedPrefixOnHopper(boolean fp8) {
        int[] contexts = {101, 97, 160, 98};
        Params params = new Params(fp8, 8, 2, 64, 16, 0, new int[] {1, 1, 20, 2}, contexts);
        AttentionCase step = new AttentionCase(cuda, random, params).onHopper();
        step.sharedPrefix(96);
        for (int seq = 0; seq < contexts.length; seq++) {
            step.part(seq != 2, seq, 96, contexts[seq]);
        }
        step.run();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void sharedPrefixThenTheRest(boolean fp8) {
        int[] contexts = {101, 97, 160, 98};
        Params params = new Params(fp8, 8, 2, 64, 16, 0, new int[] {1, 1, 20, 2}, contexts);
        AttentionCase step = new AttentionCase(cuda, random, params);
        step.sharedPrefix(96);
        for (int seq = 0; seq < contexts.length; seq++) {
            step.part(seq != 2, seq, 96, contexts[seq]);
        }
        step.run();
    }

    @Test
    void oldDevicesWidenByHand() throws Exception {
        try (EmulatedCuda old = EmulatedCuda.openSm80()) {
            Params params =
                    new Params(true, 4, 2, 64, 16, 0, new int[] {1, 40}, new int[] {77, 50});
            AttentionCase step = new AttentionCase(old, random, params);
            step.whole(true, 0);
            step.whole(false, 1);
            step.run();
        }
    }

    /**
     * A control: the comparison sees one missing position, and reading behind the context is
     * noticed.
     */
    @Test
    void aWrongRangeIsSeen() {
        Params params = new Params(true, 4, 2, 64, 16, 0, new int[] {1}, new int[] {40});
        AttentionCase less = new AttentionCase(cuda, random, params);
        less.part(true, 0, 0, 39);
        assertThrows(AssertionError.class, less::run);
        AttentionCase more = new AttentionCase(cuda, random, params);
        more.part(true, 0, 0, 49);
        assertThrows(AssertionError.class, more::run);
    }
}
