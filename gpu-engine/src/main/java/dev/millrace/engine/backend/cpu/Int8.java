package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.LANES;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Rows of F32 as signed bytes with one scale: value = byte * scale, the largest magnitude at 127.
 * Symmetric, so that a product needs no correction for zero points.
 */
final class Int8 {
    private static final float LARGEST = 127f;

    /**
     * 1.5 * 2^23: adding it rounds to the nearest integer, ties to even, in the low bits of the
     * mantissa.
     */
    private static final float ROUND = 12582912f;

    private Int8() {}

    /**
     * Rounds a row.
     *
     * @param from {@code count} floats
     * @param to as many bytes
     * @return the scale; NaN if a value is not finite, so that whatever uses it is not either
     */
    static float quantise(long from, long to, int count) {
        float largest = largestMagnitude(from, count);
        if (!(largest <= Float.MAX_VALUE)) {
            Native.ALL.asSlice(to, count).fill((byte) 0);
            return Float.NaN;
        }
        float inverse = largest < Float.MIN_NORMAL ? 0f : LARGEST / largest;
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            store(Native.load(from + 4L * i).mul(inverse), to + i);
        }
        for (; i < count; i++) {
            float shifted = Native.getFloat(from + 4L * i) * inverse + ROUND;
            Native.setByte(to + i, (byte) Float.floatToRawIntBits(shifted));
        }
        return largest / LARGEST;
    }

    private static void store(FloatVector scaled, long to) {
        IntVector bits = scaled.add(ROUND).reinterpretAsInts();
        ((ByteVector) bits.convertShape(VectorOperators.I2B, Native.B, 0))
                .intoMemorySegment(Native.ALL, to, Native.ORDER);
    }

    /** NaN if any value is. */
    private static float largestMagnitude(long from, int count) {
        FloatVector largest0 = FloatVector.zero(Native.F);
        FloatVector largest1 = largest0;
        int i = 0;
        for (; i + 2 * LANES <= count; i += 2 * LANES) {
            largest0 = largest0.max(Native.load(from + 4L * i).abs());
            largest1 = largest1.max(Native.load(from + 4L * (i + LANES)).abs());
        }
        float largest = largest0.max(largest1).reduceLanes(VectorOperators.MAX);
        for (; i < count; i++) {
            largest = Math.max(largest, Math.abs(Native.getFloat(from + 4L * i)));
        }
        return largest;
    }

    /** row = row * scale + bias over {@code count} floats; {@code bias} 0 adds nothing. */
    static void scale(long row, float scale, long bias, int count) {
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            FloatVector scaled = Native.load(row + 4L * i).mul(scale);
            Native.store(bias == 0 ? scaled : scaled.add(Native.load(bias + 4L * i)), row + 4L * i);
        }
        for (; i < count; i++) {
            float added = bias == 0 ? 0f : Native.getFloat(bias + 4L * i);
            Native.setFloat(row + 4L * i, Native.getFloat(row + 4L * i) * scale + added);
        }
    }
}
