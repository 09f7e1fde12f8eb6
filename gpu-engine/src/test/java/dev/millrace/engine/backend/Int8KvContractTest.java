package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.api.Numerics;
import dev.millrace.engine.api.WeightFormat;
import dev.millrace.engine.backend.BackendPair.Both;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.opentest4j.AssertionFailedError;

/**
 * Attention over keys and values in INT8: the cpu device rounds what it is given, the oracle
 * attends to the same numbers rounded by the definition, and both agree at F32's accuracy.
 */
class Int8KvContractTest {
    private static final long SEED = 20261128;
    private static final Numerics INT8_KV = Numerics.DEFAULT.withKv(KvFormat.INT8);

    private BackendPair pair = new BackendPair(SEED, 3, INT8_KV);

    @AfterEach
    void close() {
        pair.close();
    }

    @ParameterizedTest
    @MethodSource("dev.millrace.engine.backend.AttentionContractTest#cases")
    void attentionAgreesWithTheRoundedValues(AttentionCase c) {
        overAllLayers(c);
    }

    @ParameterizedTest
    @MethodSource("dev.millrace.engine.backend.AttentionContractTest#cases")
    void inBatchInvariantModeToo(AttentionCase c) {
        replacePair(new Numerics(WeightFormat.BF16, true, KvFormat.INT8));
        overAllLayers(c);
    }

    private void overAllLayers(AttentionCase c) {
        AttentionSetup setup = new AttentionSetup(c, pair);
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 0);
        for (int layer = 0; layer < AttentionSetup.LAYERS; layer++) {
            setup.step(c.contexts(), new int[c.contexts().length], layer, none, null);
            assertAgrees(setup, setup.step(c.queries(), c.contexts(), layer, none, null));
        }
    }

    private void assertAgrees(AttentionSetup setup, Both<Buffer> out) {
        pair.assertClose(
                "attention " + setup.c,
                out,
                setup.input.numTokens,
                (r, col) -> 2e-5 * Math.max(1, setup.c.size()) * setup.largest());
    }

    @ParameterizedTest
    @MethodSource("dev.millrace.engine.backend.AttentionContractTest#sharedCases")
    void sharedPrefixesAgree(AttentionCase c) {
        AttentionSetup setup = new AttentionSetup(c, pair);
        setup.share(80, 0, 2, 5);
        setup.share(208, 1, 4, 6);
        setup.share(320, 4, 6);
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 0);
        for (int s = 0; s < c.contexts().length; s++) {
            int[] onlyThis = new int[s + 1];
            onlyThis[s] = c.contexts()[s];
            setup.step(onlyThis, new int[s + 1], 0, none, null);
        }
        assertAgrees(setup, setup.step(c.queries(), c.contexts(), 0, none, null));
    }

    /** Control: keys in BF16 are not those rounded to INT8, and the comparison sees it. */
    @Test
    void theComparisonSeesTheRounding() {
        AttentionCase c = AttentionContractTest.cases().toList().get(4);
        AttentionSetup rounded = new AttentionSetup(c, pair);
        RopeTable none = AttentionSetup.ropeTable(rounded.maxPositions, c.headDim(), 0);
        rounded.step(c.contexts(), new int[c.contexts().length], 0, none, null);
        Both<Buffer> fromInt8 = rounded.step(c.queries(), c.contexts(), 0, none, null);
        assertAgrees(rounded, fromInt8);
        replacePair(Numerics.DEFAULT);
        AttentionSetup plain = new AttentionSetup(c, pair);
        plain.step(c.contexts(), new int[c.contexts().length], 0, none, null);
        Both<Buffer> fromBf16 = plain.step(c.queries(), c.contexts(), 0, none, null);
        assertAgrees(plain, fromBf16);
        Both<Buffer> mixed = new Both<>(fromInt8.oracle(), fromBf16.cpu());
        assertThrows(AssertionFailedError.class, () -> assertAgrees(plain, mixed));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 40})
    void aKeyThatIsNotFiniteSpoilsItsSequenceAlone(int queries) {
        AttentionCase c =
                new AttentionCase(
                        2, 1, 64, 16, 0, 1f, new int[] {20, 20}, new int[] {queries, queries});
        AttentionSetup setup = new AttentionSetup(c, pair);
        RopeTable none = AttentionSetup.ropeTable(setup.maxPositions, c.headDim(), 0);
        setup.spoil = 7;
        setup.step(c.contexts(), new int[2], 0, none, null);
        setup.spoil = -1;
        Buffer out = setup.step(c.queries(), c.contexts(), 0, none, null).cpu();
        float[] row = new float[c.spec().outCols()];
        for (int token = 0; token < setup.input.numTokens; token++) {
            pair.cpu.read(out, token, row);
            boolean finite = true;
            for (float value : row) {
                finite &= Float.isFinite(value);
            }
            assertEquals(token >= queries, finite, "token " + token);
        }
    }

    private void replacePair(Numerics numerics) {
        pair.close();
        pair = new BackendPair(SEED, 3, numerics);
    }
}
