package dev.millrace.engine.cuda;

import java.util.Random;

/** Number formats as the definitions say, independent of the code under test. */
final class Numbers {
    private Numbers() {}

    static short bf16(float value) {
        int bits = Float.floatToIntBits(value);
        return (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }

    static float ofBf16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    static float onBf16Grid(float value) {
        return ofBf16(bf16(value));
    }

    static float ofE4m3(byte bits) {
        int exponent = bits >>> 3 & 15;
        int mantissa = bits & 7;
        if (exponent == 15 && mantissa == 7) {
            return Float.NaN;
        }
        float size =
                exponent == 0 ? mantissa * 0x1p-9f : Math.scalb(1 + mantissa / 8f, exponent - 7);
        return bits < 0 ? -size : size;
    }

    /** The nearest E4M3 by search, of equally near ones the even; beyond 448 it is 448. */
    static byte e4m3(float value) {
        int best = 0;
        for (int bits = 1; bits < 0x7f; bits++) {
            double error = Math.abs(Math.abs((double) value) - ofE4m3((byte) bits));
            double bestError = Math.abs(Math.abs((double) value) - ofE4m3((byte) best));
            if (error < bestError || (error == bestError && (bits & 1) == 0)) {
                best = bits;
            }
        }
        return (byte) (value < 0 || Float.floatToRawIntBits(value) < 0 ? best | 0x80 : best);
    }

    /**
     * Numbers of about {@code size} on the BF16 grid, with an outlier of 50 times that in every
     * tenth row.
     */
    static float[] random(Random random, int rows, int cols, float size) {
        float[] values = new float[rows * cols];
        for (int i = 0; i < values.length; i++) {
            values[i] = onBf16Grid(size * (float) random.nextGaussian());
        }
        for (int row = 3; row < rows; row += 10) {
            values[row * cols + random.nextInt(cols)] = onBf16Grid(50 * size);
        }
        return values;
    }
}
