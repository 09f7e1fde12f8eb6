package dev.millrace.engine.simd;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums over the lanes of a vector in a fixed order: the upper half is added to the lower one until
 * one lane is left. {@code reduceLanes(ADD)} leaves the order open, and HotSpot uses that: the
 * interpreter sums from left to right and compiled code in pairs, so that the same input gave other
 * bits after a method had become warm.
 */
public final class LaneSums {
    private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;

    // One constant each: the compiler folds a shuffle only where it is a constant itself.
    private static final VectorShuffle<Float> F_BY_8 = down(F, 8);
    private static final VectorShuffle<Float> F_BY_4 = down(F, 4);
    private static final VectorShuffle<Float> F_BY_2 = down(F, 2);
    private static final VectorShuffle<Float> F_BY_1 = down(F, 1);
    private static final VectorShuffle<Double> D_BY_4 = down(D, 4);
    private static final VectorShuffle<Double> D_BY_2 = down(D, 2);
    private static final VectorShuffle<Double> D_BY_1 = down(D, 1);

    private LaneSums() {}

    /**
     * @param vector of the preferred species
     */
    public static float sum(FloatVector vector) {
        FloatVector v = vector;
        if (F.length() >= 16) {
            v = v.add(v.rearrange(F_BY_8));
        }
        if (F.length() >= 8) {
            v = v.add(v.rearrange(F_BY_4));
        }
        v = v.add(v.rearrange(F_BY_2));
        return v.add(v.rearrange(F_BY_1)).lane(0);
    }

    /**
     * @param vector of the preferred species
     */
    public static double sum(DoubleVector vector) {
        DoubleVector v = vector;
        if (D.length() >= 8) {
            v = v.add(v.rearrange(D_BY_4));
        }
        if (D.length() >= 4) {
            v = v.add(v.rearrange(D_BY_2));
        }
        return v.add(v.rearrange(D_BY_1)).lane(0);
    }

    /** Lane i takes lane i + {@code lanes}; those behind the last wrap around and are not used. */
    private static <E> VectorShuffle<E> down(VectorSpecies<E> species, int lanes) {
        return VectorShuffle.fromOp(species, i -> (i + lanes) % species.length());
    }
}
