package dev.millrace.engine.backend.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * 2^x and e^x by lanes: x = n + f with |f| at most 1/2, 2^f by a polynomial of degree 6, 2^n by the
 * exponent bits. Relative error below 2e-7. Below 2^-126 the result is 0, −∞ gives 0. Lanes are
 * limited by comparing and blending: min and max of the Vector API take several times as long.
 */
final class FastExp {
    static final float LOG2_E = 1.44269504088896340736f;

    /** 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the mantissa. */
    private static final float ROUND = 12582912f;

    private static final float MIN = -126f;
    private static final float MAX = 127.999f;

    /**
     * Coefficients of the polynomial with the least relative error on [-1/2, 1/2] (4e-9) that is
     * exact at 0.
     */
    private static final float C1 = 0.6931472254f;

    private static final float C2 = 0.2402265108f;
    private static final float C3 = 0.05550297314f;
    private static final float C4 = 0.009618030783f;
    private static final float C5 = 0.001341000097f;
    private static final float C6 = 0.0001546973197f;
    private static final float LN_2 = 0.693147180559945f;

    /** LOG2_E minus its float value, for arguments where that matters. */
    private static final float LOG2_E_REST = 1.925963033500e-8f;

    private FastExp() {}

    /** 2^x of numbers below 127.5; beyond that it is not a power of 2. */
    static FloatVector exp2(FloatVector x) {
        FloatVector shifted = x.add(ROUND);
        return scale(x, x.sub(shifted.sub(ROUND)), shifted);
    }

    /**
     * e^x, at most 2^127.99, so that no infinity arises; the product x log2(e) is kept in two
     * parts, so that large arguments do not lose accuracy.
     */
    static FloatVector exp(FloatVector x) {
        FloatVector above = Native.larger(x, FloatVector.broadcast(Native.F, MIN * LN_2));
        FloatVector clamped =
                above.blend(MAX * LN_2, above.compare(VectorOperators.GT, MAX * LN_2));
        FloatVector shifted = clamped.mul(LOG2_E).add(ROUND);
        FloatVector whole = shifted.sub(ROUND);
        FloatVector fraction = clamped.fma(FloatVector.broadcast(Native.F, LOG2_E), whole.neg());
        return scale(
                x.mul(LOG2_E),
                clamped.fma(FloatVector.broadcast(Native.F, LOG2_E_REST), fraction),
                shifted);
    }

    private static FloatVector scale(FloatVector power, FloatVector fraction, FloatVector shifted) {
        FloatVector p = FloatVector.broadcast(Native.F, C6);
        p = p.fma(fraction, FloatVector.broadcast(Native.F, C5));
        p = p.fma(fraction, FloatVector.broadcast(Native.F, C4));
        p = p.fma(fraction, FloatVector.broadcast(Native.F, C3));
        p = p.fma(fraction, FloatVector.broadcast(Native.F, C2));
        p = p.fma(fraction, FloatVector.broadcast(Native.F, C1));
        p = p.fma(fraction, FloatVector.broadcast(Native.F, 1f));
        // The low mantissa bits of `shifted` hold n; moved to the exponent they multiply by 2^n.
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return result.blend(0f, power.compare(VectorOperators.LT, MIN));
    }

    /** 2^x of one number, the same arithmetic; above 2^127.99 it stays there. */
    static float exp2(float x) {
        if (x < MIN) {
            return 0f;
        }
        float shifted = Math.min(x, MAX) + ROUND;
        float fraction = Math.min(x, MAX) - (shifted - ROUND);
        float p = Math.fma(C6, fraction, C5);
        p = Math.fma(p, fraction, C4);
        p = Math.fma(p, fraction, C3);
        p = Math.fma(p, fraction, C2);
        p = Math.fma(p, fraction, C1);
        p = Math.fma(p, fraction, 1f);
        return Float.intBitsToFloat(
                Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
    }
}
