package dev.millrace.engine.simd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

import org.junit.jupiter.api.Test;

import java.util.Random;

/** Sums and exponentials by lanes: the bits that a plain loop in the documented order gives. */
class FixedOrderTest {
    private static final long SEED = 17;

    /** More rounds than the JIT needs to compile what is tested in the midst of them. */
    private static final int ROUNDS = 30_000;

    @Test
    void floatsAreAddedInHalvesBeforeAndAfterCompilation() {
        Random random = new Random(SEED);
        float[] lanes = new float[FloatVector.SPECIES_PREFERRED.length()];
        boolean orderMatters = false;
        for (int round = 0; round < ROUNDS; round++) {
            float leftToRight = 0;
            for (int i = 0; i < lanes.length; i++) {
                lanes[i] = random.nextFloat() * (1 << random.nextInt(20));
                leftToRight += lanes[i];
            }
            float sum = LaneSums.sum(FloatVector.fromArray(FloatVector.SPECIES_PREFERRED, lanes, 0));
            orderMatters |= sum != leftToRight;
            for (int half = lanes.length / 2; half > 0; half /= 2) {
                for (int i = 0; i < half; i++) {
                    lanes[i] += lanes[i + half];
                }
            }
            assertEquals(lanes[0], sum, "seed " + SEED + " round " + round);
        }
        assertEquals(true, orderMatters, "the control: with these numbers the order shows");
    }

    @Test
    void doublesAreAddedInHalvesBeforeAndAfterCompilation() {
        Random random = new Random(SEED);
        double[] lanes = new double[DoubleVector.SPECIES_PREFERRED.length()];
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < lanes.length; i++) {
                lanes[i] = random.nextDouble() * (1L << random.nextInt(40));
            }
            double sum =
                    LaneSums.sum(DoubleVector.fromArray(DoubleVector.SPECIES_PREFERRED, lanes, 0));
            for (int half = lanes.length / 2; half > 0; half /= 2) {
                for (int i = 0; i < half; i++) {
                    lanes[i] += lanes[i + half];
                }
            }
            assertEquals(lanes[0], sum, "seed " + SEED + " round " + round);
        }
    }

    @Test
    void exponentialsHaveTheBitsOfThePlainOnesAndAreAccurate() {
        Random random = new Random(SEED);
        double[] x = new double[DoubleVector.SPECIES_PREFERRED.length()];
        double worst = 0;
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < x.length; i++) {
                x[i] = random.nextDouble(-707, 707) * (random.nextBoolean() ? 1 : 0.01);
            }
            DoubleVector exp =
                    DoubleExp.exp(DoubleVector.fromArray(DoubleVector.SPECIES_PREFERRED, x, 0));
            for (int i = 0; i < x.length; i++) {
                assertEquals(DoubleExp.exp(x[i]), exp.lane(i), "e^" + x[i] + ", seed " + SEED);
                double truth = StrictMath.exp(x[i]);
                worst = Math.max(worst, Math.abs(exp.lane(i) - truth) / truth);
            }
        }
        assertEquals(0, worst, 4e-16, "largest relative error, seed " + SEED);
        assertNotEquals(0, worst, "the control: it is no copy of the library's");
    }

    @Test
    void exponentialsStayFiniteAtTheEnds() {
        assertEquals(0, DoubleExp.exp(-709));
        assertEquals(0, DoubleExp.exp(Double.NEGATIVE_INFINITY));
        assertEquals(1, DoubleExp.exp(0));
        DoubleVector zeros =
                DoubleExp.exp(
                        DoubleVector.broadcast(
                                DoubleVector.SPECIES_PREFERRED, Double.NEGATIVE_INFINITY));
        assertEquals(0, zeros.lane(0));
        assertEquals(StrictMath.exp(709), DoubleExp.exp(1e9), 1e293);
    }
}
