package dev.millrace.engine.simd;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;

/**
 * e^x by lanes, the same bits whether interpreted or compiled, which {@code lanewise(EXP)} does not
 * promise. x = n ln 2 + r with |r| at most ln 2 / 2 (Cody and Waite's two-part ln 2), e^r by its
 * Taylor polynomial of degree 13, 2^n by the exponent bits. Relative error below 4e-16. Below -708
 * the result is 0 and above 709 it stays there.
 */
public final class DoubleExp {
    private static final double LOG2_E = 1.4426950408889634;
    private static final double LN2_HIGH = 0x1.62e42fefap-1;
    private static final double LN2_LOW = 0x1.cf79abc9e3b3ap-40;

    /** 1.5 * 2^52: adding it leaves the nearest integer in the low bits of the mantissa. */
    private static final double ROUND = 6755399441055744.0;

    private static final double MIN = -708;
    private static final double MAX = 709;

    /** 1 / 13!, 1 / 12!, … 1 / 2! */
    private static final double C13 = 1.6059043836821613e-10;

    private static final double C12 = 2.08767569878681e-9;
    private static final double C11 = 2.505210838544172e-8;
    private static final double C10 = 2.755731922398589e-7;
    private static final double C9 = 2.7557319223985893e-6;
    private static final double C8 = 2.48015873015873e-5;
    private static final double C7 = 1.984126984126984e-4;
    private static final double C6 = 1.3888888888888889e-3;
    private static final double C5 = 8.333333333333333e-3;
    private static final double C4 = 4.1666666666666664e-2;
    private static final double C3 = 0.16666666666666666;

    private DoubleExp() {}

    /** e^x. */
    public static DoubleVector exp(DoubleVector x) {
        DoubleVector clamped = x.max(MIN).min(MAX);
        DoubleVector shifted = clamped.mul(LOG2_E).add(ROUND);
        DoubleVector n = shifted.sub(ROUND);
        DoubleVector r = n.neg().fma(splat(x, LN2_HIGH), clamped);
        r = n.neg().fma(splat(x, LN2_LOW), r);
        DoubleVector p = splat(x, C13);
        p = p.fma(r, splat(x, C12));
        p = p.fma(r, splat(x, C11));
        p = p.fma(r, splat(x, C10));
        p = p.fma(r, splat(x, C9));
        p = p.fma(r, splat(x, C8));
        p = p.fma(r, splat(x, C7));
        p = p.fma(r, splat(x, C6));
        p = p.fma(r, splat(x, C5));
        p = p.fma(r, splat(x, C4));
        p = p.fma(r, splat(x, C3));
        p = p.fma(r, splat(x, 0.5));
        p = p.fma(r, splat(x, 1));
        p = p.fma(r, splat(x, 1));
        LongVector exponent = shifted.reinterpretAsLongs().lanewise(VectorOperators.LSHL, 52);
        DoubleVector result = p.reinterpretAsLongs().add(exponent).reinterpretAsDoubles();
        return result.blend(0, x.lt(MIN));
    }

    /** e^x of one number, the same arithmetic. */
    public static double exp(double x) {
        if (x < MIN) {
            return 0;
        }
        double clamped = Math.min(x, MAX);
        double shifted = clamped * LOG2_E + ROUND;
        double n = shifted - ROUND;
        double r = Math.fma(-n, LN2_LOW, Math.fma(-n, LN2_HIGH, clamped));
        double p = Math.fma(C13, r, C12);
        p = Math.fma(p, r, C11);
        p = Math.fma(p, r, C10);
        p = Math.fma(p, r, C9);
        p = Math.fma(p, r, C8);
        p = Math.fma(p, r, C7);
        p = Math.fma(p, r, C6);
        p = Math.fma(p, r, C5);
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, 0.5);
        p = Math.fma(p, r, 1);
        p = Math.fma(p, r, 1);
        return Double.longBitsToDouble(
                Double.doubleToRawLongBits(p) + (Double.doubleToRawLongBits(shifted) << 52));
    }

    private static DoubleVector splat(DoubleVector like, double value) {
        return DoubleVector.broadcast(like.species(), value);
    }
}
