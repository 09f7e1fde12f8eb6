package dev.millrace.engine.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jdk.incubator.vector.FloatVector;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;

class NumericsTest {
    private static final long SEED = 20260303;

    @Test
    void exponentialsAreWithinTheirError() {
        assertError(FastExp::exp2, x -> Math.pow(2, x), -126, 127);
        assertError(FastExp::exp, Math::exp, -87, 88);
        assertError(FastExp::exp, Math::exp, -1, 1);
    }

    private static void assertError(
            UnaryOperator<FloatVector> fast, DoubleUnaryOperator exact, float from, float to) {
        Random random = new Random(SEED);
        double worst = 0;
        float at = 0;
        for (int i = 0; i < 200_000; i++) {
            float x = from + (to - from) * random.nextFloat();
            double expected = exact.applyAsDouble(x);
            float result = fast.apply(FloatVector.broadcast(Native.F, x)).lane(0);
            double error = Math.abs(result - expected) / expected;
            if (error > worst) {
                worst = error;
                at = x;
            }
        }
        assertTrue(worst < 2e-7, "relative error " + worst + " at " + at + ", seed " + SEED);
    }

    @Test
    void oneNumberAndLanesGiveTheSameBits() {
        Random random = new Random(SEED);
        for (int i = 0; i < 10_000; i++) {
            float x = 277 * random.nextFloat() - 150;
            assertEquals(
                    FastExp.exp2(FloatVector.broadcast(Native.F, x)).lane(0),
                    FastExp.exp2(x),
                    "2^" + x + ", seed " + SEED);
        }
    }

    @Test
    void exponentialsAtTheEnds() {
        assertEquals(0f, FastExp.exp2(Float.NEGATIVE_INFINITY));
        assertEquals(0f, FastExp.exp2(-1000f));
        assertEquals(1f, FastExp.exp2(0f));
        assertEquals(0x1p-126f, FastExp.exp2(-126f));
        assertTrue(Float.isFinite(FastExp.exp2(1000f)));
        assertTrue(Float.isNaN(FastExp.exp2(Float.NaN)));
        assertEquals(0f, exp2Lane(Float.NEGATIVE_INFINITY));
        assertEquals(0f, exp2Lane(-1e30f));
        assertTrue(Float.isNaN(exp2Lane(Float.NaN)));
        assertEquals(0f, FastExp.exp(FloatVector.broadcast(Native.F, -200f)).lane(0));
        assertTrue(Float.isFinite(FastExp.exp(FloatVector.broadcast(Native.F, 200f)).lane(0)));
        float ofNan = FastExp.exp(FloatVector.broadcast(Native.F, Float.NaN)).lane(0);
        assertTrue(Float.isNaN(ofNan));
    }

    private static float exp2Lane(float x) {
        return FastExp.exp2(FloatVector.broadcast(Native.F, x)).lane(0);
    }

    @Test
    void bf16RoundsToNearestEven() {
        assertEquals(0x3f80, Bf16.round(1f));
        assertEquals(
                0x3f80,
                Bf16.round(Float.intBitsToFloat(0x3f808000)),
                "tie goes to the even neighbour below");
        assertEquals(
                0x3f82,
                Bf16.round(Float.intBitsToFloat(0x3f818000)),
                "tie goes to the even neighbour above");
        assertEquals(0x3f81, Bf16.round(Float.intBitsToFloat(0x3f808001)));
        assertEquals(0x7f80, Bf16.round(Float.MAX_VALUE), "rounds up to infinity");
        assertTrue(Float.isNaN(Bf16.toFloat(Bf16.round(Float.intBitsToFloat(0x7fffffff)))));
        assertTrue(Float.isNaN(Bf16.toFloat(Bf16.round(Float.intBitsToFloat(0x7f800001)))));
    }

    @Test
    void bf16ByLanesEqualsScalar() {
        Random random = new Random(SEED);
        int count = 16 * 100 + 7;
        try (Arena arena = Arena.ofConfined()) {
            long from = arena.allocate(4L * count, 64).address();
            long to = arena.allocate(2L * count, 64).address();
            for (int i = 0; i < count; i++) {
                Native.setInt(from + 4L * i, i % 9 == 0 ? 0x7f800000 + i : random.nextInt());
            }
            Bf16.convert(from, to, count);
            for (int i = 0; i < count; i++) {
                float value = Native.getFloat(from + 4L * i);
                assertEquals(
                        (short) Bf16.round(value),
                        Native.getShort(to + 2L * i),
                        "of " + value + ", seed " + SEED);
            }
        }
    }

    @Test
    void oneDnnUsesOnlyTheCallingThread() throws InterruptedException {
        new OneDnn(1).close();
        int[] threads = new int[1];
        Thread worker =
                new Thread(
                        () -> {
                            OpenMp.useOneThread();
                            threads[0] = OpenMp.maxThreads();
                        });
        worker.start();
        worker.join();
        assertEquals(1, threads[0]);
    }
}
