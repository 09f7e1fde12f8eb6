package dev.millrace.engine.backend;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Reads checkpoint elements as F32. Scaled values are {@code element * scale}, rounded once in F32,
 * as the reference implementation dequantises. Element layouts: E4M3 is the "FN" form of arXiv
 * 2209.05433 (no infinities, one NaN per sign), BF16 the upper half of an F32.
 */
public final class WeightReader {
    private static final ValueLayout.OfFloat F32 =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final float[] E4M3 = e4m3Table();

    private WeightReader() {}

    /**
     * Reads one row of a matrix, scales applied.
     *
     * @param out at least {@code tensor.cols()} places; the first of them are written
     */
    public static void readRow(WeightTensor tensor, int row, float[] out) {
        int cols = tensor.cols();
        if (row < 0 || row >= tensor.rows() || out.length < cols) {
            throw new IllegalArgumentException(
                    tensor.name()
                            + ": row "
                            + row
                            + " of ["
                            + tensor.rows()
                            + ", "
                            + cols
                            + "] into "
                            + out.length
                            + " places");
        }
        readElements(tensor.data(), tensor.dtype(), (long) row * cols, cols, out);
        if (tensor.scales() != null) {
            scaleRow(tensor, row, out);
        }
    }

    /**
     * Reads elements {@code first .. first + count - 1} without any scale.
     *
     * @param data elements of {@code dtype}, little-endian, of any alignment
     */
    public static void readElements(
            MemorySegment data, WeightTensor.DType dtype, long first, int count, float[] out) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(data, F32, first * 4, out, 0, count);
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = bf16ToFloat(data.get(I16, (first + i) * 2));
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = Float.float16ToFloat(data.get(I16, (first + i) * 2));
                }
            }
            case F8_E4M3 -> {
                for (int i = 0; i < count; i++) {
                    out[i] = e4m3ToFloat(data.get(ValueLayout.JAVA_BYTE, first + i));
                }
            }
        }
    }

    /** The value of 16 bits of BF16. */
    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The value of 8 bits of E4M3, unscaled. */
    public static float e4m3ToFloat(byte bits) {
        return E4M3[bits & 0xff];
    }

    private static void scaleRow(WeightTensor tensor, int row, float[] out) {
        int cols = tensor.cols();
        int scaleCols = tensor.scaleCols();
        int perRow = Math.ceilDiv(cols, scaleCols);
        int first = row / tensor.scaleRows() * perRow;
        for (int group = 0; group < perRow; group++) {
            float scale = tensor.scales()[first + group];
            int end = Math.min(cols, (group + 1) * scaleCols);
            for (int i = group * scaleCols; i < end; i++) {
                out[i] *= scale;
            }
        }
    }

    /**
     * Sign, 4 bits of exponent with bias 7, 3 bits of mantissa; exponent 0 is subnormal; all ones
     * is NaN.
     */
    private static float[] e4m3Table() {
        float[] table = new float[256];
        for (int bits = 0; bits < 256; bits++) {
            int exponent = bits >> 3 & 15;
            int mantissa = bits & 7;
            float magnitude =
                    exponent == 0
                            ? Math.scalb((float) mantissa, -9)
                            : Math.scalb((float) (8 + mantissa), exponent - 10);
            magnitude = (bits & 0x7f) == 0x7f ? Float.NaN : magnitude;
            table[bits] = bits >= 128 ? -magnitude : magnitude;
        }
        return table;
    }
}
