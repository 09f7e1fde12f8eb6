package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** BF16 = the upper half of an F32. Rounds to nearest, ties to even; a NaN stays a NaN. */
final class Bf16 {
    private static final int QUIET_NAN = 0x7fc0;

    private Bf16() {}

    /** The BF16 bits of a value, in the low half. */
    static int round(float value) {
        if (value != value) {
            return QUIET_NAN;
        }
        int bits = Float.floatToRawIntBits(value);
        return bits + 0x7fff + (bits >>> 16 & 1) >>> 16;
    }

    static float toFloat(int bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The same as {@link #round}, by lanes. */
    static IntVector round(FloatVector values) {
        IntVector bits = values.reinterpretAsInts();
        IntVector rounded =
                bits.add(bits.lanewise(VectorOperators.LSHR, 16).and(1))
                        .add(0x7fff)
                        .lanewise(VectorOperators.LSHR, 16);
        return rounded.blend(QUIET_NAN, values.test(VectorOperators.IS_NAN).cast(Native.I));
    }

    /**
     * Widens rows that lie in pairs, each two values of a column side by side, to F32 rows.
     *
     * @param from [pairs][columns][2] BF16
     * @param to [2 * pairs][columns] F32
     * @param columns a multiple of the lanes
     * @param stride bytes from one row of {@code to} to the next
     */
    static void widenPairs(long from, long to, int pairs, int columns, long stride) {
        long pairBytes = 4L * columns;
        for (int pair = 0; pair < pairs; pair++) {
            long row = to + 2 * pair * stride;
            for (long i = 0; i < pairBytes; i += 4L * LANES) {
                IntVector both = Native.loadInts(from + pair * pairBytes + i);
                Native.store(low(both), row + i);
                Native.store(high(both), row + stride + i);
            }
        }
    }

    /** The first elements of pairs, as F32. */
    static FloatVector low(IntVector pairs) {
        return pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    /** The second elements. */
    static FloatVector high(IntVector pairs) {
        return pairs.and(0xffff0000).reinterpretAsFloats();
    }

    /** Converts {@code count} floats at {@code from} to BF16 at {@code to}. */
    static void convert(long from, long to, int count) {
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            IntVector rounded = round(Native.load(from + 4L * i));
            ((ShortVector) rounded.convertShape(VectorOperators.I2S, Native.S, 0))
                    .intoMemorySegment(Native.ALL, to + 2L * i, Native.ORDER);
        }
        for (; i < count; i++) {
            Native.setShort(to + 2L * i, (short) round(Native.getFloat(from + 4L * i)));
        }
    }
}
