package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.LANES;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Rows of F32 as bytes with one scale. Weights are signed bytes, value = byte * scale, the largest
 * magnitude at 127. Activations are unsigned, value = (byte - offset) * scale, the largest magnitude
 * at offset - 1: processors multiply unsigned by signed bytes, and oneDNN is a quarter faster when
 * it need not shift them itself. What the offset adds to a product is offset times the sum of a
 * column's weights; it is taken off again in whole numbers, before any rounding.
 */
final class Int8 {
    /** Of weights. */
    private static final int LARGEST = 127;

    /**
     * 1.5 * 2^23: adding it rounds to the nearest integer, ties to even, in the low bits of the
     * mantissa.
     */
    private static final float ROUND = 12582912f;

    /** The offset where sums have 32 bits from the first product on (VNNI). */
    static final int OFFSET = 128;

    /**
     * The offset where two products are added in 16 bits first, and saturate: half of the steps, so
     * that the largest such sum is 2 * 127 * 127.
     */
    static final int SHORT_OFFSET = 64;

    private Int8() {}

    /**
     * Rounds a row of weights to signed bytes.
     *
     * @param from {@code count} floats
     * @param to as many bytes
     * @return the scale; NaN if a value is not finite, so that whatever uses it is not either
     */
    static float quantiseWeights(long from, long to, int count) {
        return quantise(from, to, count, LARGEST, ROUND);
    }

    /** As above, to unsigned bytes around {@code offset}. */
    static float quantise(long from, long to, int count, int offset) {
        return quantise(from, to, count, offset - 1, ROUND + offset);
    }

    private static float quantise(long from, long to, int count, float steps, float round) {
        float largest = largestMagnitude(from, count);
        if (!(largest <= Float.MAX_VALUE)) {
            Native.zero(to, count);
            return Float.NaN;
        }
        float inverse = largest < Float.MIN_NORMAL ? 0f : steps / largest;
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            IntVector bits =
                    Native.load(from + 4L * i).mul(inverse).add(round).reinterpretAsInts();
            ((ByteVector) bits.convertShape(VectorOperators.I2B, Native.B, 0))
                    .intoMemorySegment(Native.ALL, to + i, Native.ORDER);
        }
        for (; i < count; i++) {
            float shifted = Native.getFloat(from + 4L * i) * inverse + round;
            Native.setByte(to + i, (byte) Float.floatToRawIntBits(shifted));
        }
        return largest / steps;
    }

    /**
     * NaN if any value is: magnitudes are in the order of their bits, with NaN above infinity, and
     * whole numbers have a maximum of one instruction.
     */
    private static float largestMagnitude(long from, int count) {
        IntVector largest0 = IntVector.zero(Native.I);
        IntVector largest1 = largest0;
        int i = 0;
        for (; i + 2 * LANES <= count; i += 2 * LANES) {
            largest0 = magnitudes(from + 4L * i).max(largest0);
            largest1 = magnitudes(from + 4L * (i + LANES)).max(largest1);
        }
        int bits = largest0.max(largest1).reduceLanes(VectorOperators.MAX);
        float largest = Float.intBitsToFloat(bits);
        for (; i < count; i++) {
            largest = Math.max(largest, Math.abs(Native.getFloat(from + 4L * i)));
        }
        return largest;
    }

    private static IntVector magnitudes(long from) {
        return Native.loadInts(from).and(0x7fffffff);
    }

    /** What the offset adds to the product with a row of signed bytes. */
    static int correction(long weights, int count, int offset) {
        IntVector sums = IntVector.zero(Native.I);
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            ByteVector bytes =
                    ByteVector.fromMemorySegment(Native.B, Native.ALL, weights + i, Native.ORDER);
            sums = ((IntVector) bytes.convertShape(VectorOperators.B2I, Native.I, 0)).add(sums);
        }
        int sum = sums.reduceLanes(VectorOperators.ADD);
        for (; i < count; i++) {
            sum += Native.getByte(weights + i);
        }
        return offset * sum;
    }

    /**
     * What turns the whole numbers of a product into its values.
     *
     * @param scales F32 [columns]
     * @param corrections int [columns]
     * @param bias F32 [columns], or 0
     */
    record Columns(long scales, long corrections, long bias) {
        Columns from(int column) {
            long bytes = 4L * column;
            return new Columns(scales + bytes, corrections + bytes, bias == 0 ? 0 : bias + bytes);
        }
    }

    /** row = (row - correction) * scale of the column * scale + bias, from int to F32 in place. */
    static void finish(long row, float scale, Columns columns, int count) {
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            FloatVector sum =
                    (FloatVector)
                            Native.loadInts(row + 4L * i)
                                    .sub(Native.loadInts(columns.corrections + 4L * i))
                                    .convertShape(VectorOperators.I2F, Native.F, 0);
            FloatVector scaled = sum.mul(Native.load(columns.scales + 4L * i)).mul(scale);
            if (columns.bias != 0) {
                scaled = scaled.add(Native.load(columns.bias + 4L * i));
            }
            Native.store(scaled, row + 4L * i);
        }
        for (; i < count; i++) {
            int sum = Native.getInt(row + 4L * i) - Native.getInt(columns.corrections + 4L * i);
            float added = columns.bias == 0 ? 0f : Native.getFloat(columns.bias + 4L * i);
            Native.setFloat(
                    row + 4L * i, sum * Native.getFloat(columns.scales + 4L * i) * scale + added);
        }
    }
}
