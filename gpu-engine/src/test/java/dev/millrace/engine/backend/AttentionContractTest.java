package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.backend.BackendPair.Both;
import dev.millrace.engine.backend.cpu.CpuBackend;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Random;
import java.util.stream.Stream;

/**
 * Rotation, KV store and attention on awkward shapes, the cpu device against the oracle. With a
 * rotation by zero and keys and values on the BF16 grid, both devices hold the same cache, so that
 * attention can be judged at F32's accuracy.
 */
class AttentionContractTest {
    private static final long SEED = 20260302;

    private final BackendPair pair = new BackendPair(SEED, 3);

    static Stream<AttentionCase> cases() {
        return Stream.of(
                new AttentionCase(1, 1, 64, 16, 0, 1f, ints(0), ints(1)),
                new AttentionCase(2, 1, 64, 16, 0, 1f, ints(0, 5, 31), ints(3, 1, 1)),
                new AttentionCase(4, 4, 64, 16, 0, 1f, ints(0, 17), ints(17, 33)),
                new AttentionCase(7, 1, 128, 16, 0, 1f, ints(0, 129, 127), ints(100, 1, 2)),
                new AttentionCase(12, 4, 64, 16, 0, 1f, ints(576, 575, 300, 1), ints(1, 1, 1, 1)),
                new AttentionCase(4, 1, 64, 32, 32, 1f, ints(0, 31, 32, 200), ints(100, 1, 1, 5)),
                new AttentionCase(8, 2, 128, 16, 7, 3f, ints(0, 300), ints(33, 40)),
                new AttentionCase(8, 4, 64, 64, 0, 30f, ints(0, 100), ints(50, 1)),
                new AttentionCase(2, 2, 64, 16, 0, 0f, ints(10, 100), ints(3, 1)),
                new AttentionCase(4, 2, 64, 4, 0, 1f, ints(0, 21), ints(33, 1)),
                new AttentionCase(4, 2, 32, 1, 5, 1f, ints(0, 9), ints(20, 3)),
                new AttentionCase(6, 2, 16, 8, 0, 1f, ints(0, 40), ints(19, 1)),
                new AttentionCase(2, 1, 80, 16, 0, 1f, ints(0, 40), ints(19, 1)),
                new AttentionCase(4, 1, 64, 16, 0, 1f, ints(0, 300), ints(280, 60)),
                new AttentionCase(6, 2, 64, 16, 70, 1f, ints(0, 290), ints(270, 45)),
                new AttentionCase(48, 1, 64, 16, 0, 1f, ints(3), ints(4)));
    }

    private static int[] ints(int... values) {
        return values;
    }

    @AfterEach
    void close() {
        pair.close();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void attentionAgreesAtF32Accuracy(AttentionCase c) {
        AttentionSetup setup = new AttentionSetup(c, pair);
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 0);
        for (int layer = 0; layer < AttentionSetup.LAYERS; layer++) {
            setup.step(c.contexts(), new int[c.contexts().length], layer, none, null);
            Both<Buffer> out = setup.step(c.queries(), c.contexts(), layer, none, null);
            pair.assertClose(
                    "attention " + c,
                    out,
                    setup.input.numTokens,
                    (r, col) -> 2e-5 * Math.max(1, c.size()) * setup.largest());
        }
    }

    /**
     * Sequences 0, 2 and 5 share 5 blocks, 1, 4 and 6 share 13, 6 and 4 even 20; 3 shares too
     * little, 7 nothing.
     */
    static Stream<AttentionCase> sharedCases() {
        int[] contexts = ints(90, 330, 80, 100, 400, 200, 340, 50);
        int[] queries = ints(1, 40, 3, 1, 1, 20, 7, 1);
        return Stream.of(
                new AttentionCase(12, 4, 64, 16, 0, 1f, contexts, queries),
                new AttentionCase(2, 1, 128, 32, 0, 30f, contexts, queries),
                new AttentionCase(4, 2, 64, 8, 0, 1f, contexts, queries),
                new AttentionCase(4, 2, 64, 16, 40, 1f, contexts, queries));
    }

    @ParameterizedTest
    @MethodSource("sharedCases")
    void sharedPrefixesAgreeAtF32Accuracy(AttentionCase c) {
        AttentionSetup setup = new AttentionSetup(c, pair);
        int perBlock = 16;
        setup.share(5 * perBlock, 0, 2, 5);
        setup.share(13 * perBlock, 1, 4, 6);
        setup.share(20 * perBlock, 4, 6);
        setup.share(2 * perBlock, 0, 3);
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 0);
        for (int s = 0; s < c.contexts().length; s++) {
            // One after the other, so that both devices agree on who wrote a shared slot last.
            int[] onlyThis = new int[s + 1];
            onlyThis[s] = c.contexts()[s];
            setup.step(onlyThis, new int[s + 1], 0, none, null);
        }
        Both<Buffer> out = setup.step(c.queries(), c.contexts(), 0, none, null);
        pair.assertClose(
                "attention " + c,
                out,
                setup.input.numTokens,
                (r, col) -> 2e-5 * Math.max(1, c.size()) * setup.largest());
    }

    /**
     * All share 96 tokens; 0, 2, 3 and 6 of them 192, 0 and 3 even 288; 1 and 4 have 208 of their
     * own kind; 5 goes its own way. Sequence 1 may be a chunk of a prompt.
     */
    private void nested(AttentionCase c, boolean shares, long[] keysRead) {
        AttentionSetup setup = new AttentionSetup(c, pair);
        if (shares) {
            setup.share(96, 0, 1, 2, 3, 4, 5, 6);
            setup.share(192, 0, 2, 3, 6);
            setup.share(288, 0, 3);
            setup.share(208, 1, 4);
        }
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 0);
        for (int s = 0; s < c.contexts().length; s++) {
            int[] onlyThis = new int[s + 1];
            onlyThis[s] = c.contexts()[s];
            setup.step(onlyThis, new int[s + 1], 0, none, null);
        }
        long before = ((CpuBackend) pair.cpu).attentionKeysRead();
        Both<Buffer> out = setup.step(c.queries(), c.contexts(), 0, none, null);
        keysRead[0] = ((CpuBackend) pair.cpu).attentionKeysRead() - before;
        pair.assertClose(
                "attention " + c,
                out,
                setup.input.numTokens,
                (r, col) -> 2e-5 * Math.max(1, c.size()) * setup.largest());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 70})
    void nestedPrefixesAgreeAtF32Accuracy(int chunk) {
        int[] contexts = ints(300, 220, 250, 290, 310, 120, 200);
        nested(
                new AttentionCase(12, 4, 64, 16, 0, 1f, contexts, ints(1, chunk, 1, 20, 1, 1, 3)),
                true,
                new long[1]);
    }

    @Test
    void keysOfNestedPrefixesAreReadOnce() {
        int[] contexts = ints(300, 220, 250, 290, 310, 120, 200);
        AttentionCase c = new AttentionCase(1, 1, 64, 16, 0, 1f, contexts, ints(1, 1, 1, 1, 1, 1, 1));
        long[] read = new long[1];
        nested(c, true, read);
        int own = 301 - 288 + 221 - 208 + 251 - 192 + 291 - 288 + 311 - 208 + 121 - 96 + 201 - 192;
        assertEquals(96 + (192 - 96) + (288 - 192) + (208 - 96) + own, read[0]);
        nested(c, false, read);
        assertEquals(301 + 221 + 251 + 291 + 311 + 121 + 201, read[0], "control: all by itself");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void rotatedAndNormedAgreeAtBf16Accuracy(AttentionCase c) {
        AttentionSetup setup = new AttentionSetup(c, pair);
        RopeTable rope = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 10_000);
        Both<Vector> norm = pair.both(b -> b.vector(pairNorm(c.headDim())));
        setup.step(c.contexts(), new int[c.contexts().length], 1, rope, norm);
        Both<Buffer> out = setup.step(c.queries(), c.contexts(), 1, rope, norm);
        pair.assertClose(
                "qkv " + c,
                setup.qkv,
                setup.input.numTokens,
                (r, col) -> 1e-5 * Math.max(1, setup.largest()));
        // A norm leaves scores of a few units, of which BF16 keys lose 2^-9, and the weights' error
        // is the scores'.
        pair.assertClose(
                "attention " + c,
                out,
                setup.input.numTokens,
                (r, col) -> 0.03 * Math.max(0.1, setup.largest()));
    }

    private float[] pairNorm(int length) {
        float[] weight = new float[length];
        Random random = new Random(SEED);
        for (int i = 0; i < length; i++) {
            weight[i] = 0.5f + random.nextFloat();
        }
        return weight;
    }

    @Test
    void badTablesAreNamed() {
        AttentionCase c = new AttentionCase(2, 1, 64, 16, 0, 1f, ints(20), ints(1));
        AttentionSetup setup = new AttentionSetup(c, pair);
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, 64, 0);
        setup.step(c.contexts(), ints(0), 0, none, null);
        int[] table = setup.input.blockTables[0];
        int block = table[1];
        table[1] = setup.layout.numBlocks();
        assertMessage("block 1 of sequence 0 is " + table[1], () -> setup.attend(0));
        table[1] = block;
        setup.attend(0);
        setup.input.contextLens[0] = 1;
        assertMessage("20 query tokens in a context of 1", () -> setup.attend(0));
        setup.input.slotMapping[3] = -1;
        assertMessage(
                "slot of token 3 is -1",
                () ->
                        pair.cpu.ropeAndStore(
                                setup.qkv.cpu(),
                                c.spec(),
                                new QkNormRope(null, null, 1e-6f, none),
                                setup.input,
                                setup.kv.cpu(),
                                0));
    }

    private static void assertMessage(String part, Runnable op) {
        String message = assertThrows(IllegalArgumentException.class, op::run).getMessage();
        assertTrue(message.contains(part), message);
    }
}
