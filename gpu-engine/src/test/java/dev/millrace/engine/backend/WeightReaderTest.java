package dev.millrace.engine.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.backend.WeightTensor.DType;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.Consumer;

class WeightReaderTest {

    @Test
    void e4m3HasTheFormatsLandmarks() {
        assertEquals(0f, WeightReader.e4m3ToFloat((byte) 0x00));
        assertEquals(0x1p-9f, WeightReader.e4m3ToFloat((byte) 0x01), "smallest subnormal");
        assertEquals(0x7p-9f, WeightReader.e4m3ToFloat((byte) 0x07), "largest subnormal");
        assertEquals(0x1p-6f, WeightReader.e4m3ToFloat((byte) 0x08), "smallest normal");
        assertEquals(1f, WeightReader.e4m3ToFloat((byte) 0x38));
        assertEquals(448f, WeightReader.e4m3ToFloat((byte) 0x7e), "largest");
        assertEquals(-448f, WeightReader.e4m3ToFloat((byte) 0xfe));
        assertTrue(Float.isNaN(WeightReader.e4m3ToFloat((byte) 0x7f)));
        assertTrue(Float.isNaN(WeightReader.e4m3ToFloat((byte) 0xff)));
        for (int bits = 1; bits < 0x7f; bits++) {
            assertTrue(
                    WeightReader.e4m3ToFloat((byte) bits)
                            > WeightReader.e4m3ToFloat((byte) (bits - 1)),
                    "rises at " + bits);
        }
    }

    @Test
    void readsEveryElementTypeAtAnyAlignment() {
        float[] want = {1.5f, -0.25f, 96f};
        assertArrayEquals(
                want, row(DType.F32, bytes -> bytes.putFloat(1.5f).putFloat(-0.25f).putFloat(96f)));
        assertArrayEquals(
                want,
                row(
                        DType.BF16,
                        bytes ->
                                bytes.putShort(bf16(1.5f))
                                        .putShort(bf16(-0.25f))
                                        .putShort(bf16(96f))));
        assertArrayEquals(
                want,
                row(
                        DType.F16,
                        bytes -> {
                            for (float value : want) {
                                bytes.putShort(Float.floatToFloat16(value));
                            }
                        }));
        assertArrayEquals(
                want,
                row(
                        DType.F8_E4M3,
                        bytes -> bytes.put((byte) 0x3c).put((byte) 0xa8).put((byte) 0x6c)));
    }

    @Test
    void scalesGoByBlock() {
        byte[] ones = new byte[5 * 5];
        Arrays.fill(ones, (byte) 0x38);
        float[] scales = {1, 2, 3, 4, 5, 6, 7, 8, 9};
        WeightTensor blocks =
                new WeightTensor(
                        "w", DType.F8_E4M3, 5, 5, MemorySegment.ofArray(ones), scales, 2, 2);
        float[] out = new float[5];
        WeightReader.readRow(blocks, 0, out);
        assertArrayEquals(new float[] {1, 1, 2, 2, 3}, out);
        WeightReader.readRow(blocks, 4, out);
        assertArrayEquals(new float[] {7, 7, 8, 8, 9}, out);

        WeightTensor channels =
                new WeightTensor(
                        "w", DType.F8_E4M3, 5, 5, MemorySegment.ofArray(ones), scales, 1, 5);
        WeightReader.readRow(channels, 3, out);
        assertArrayEquals(new float[] {4, 4, 4, 4, 4}, out);

        WeightTensor whole =
                new WeightTensor(
                        "w",
                        DType.F8_E4M3,
                        5,
                        5,
                        MemorySegment.ofArray(ones),
                        new float[] {0.5f},
                        5,
                        5);
        WeightReader.readRow(whole, 4, out);
        assertArrayEquals(new float[] {0.5f, 0.5f, 0.5f, 0.5f, 0.5f}, out);
    }

    @Test
    void refusesRowsThatAreNotThere() {
        WeightTensor tensor =
                new WeightTensor(
                        "w", DType.F8_E4M3, 1, 2, MemorySegment.ofArray(new byte[2]), null, 1, 2);
        assertThrows(
                IllegalArgumentException.class,
                () -> WeightReader.readRow(tensor, 1, new float[2]));
        assertThrows(
                IllegalArgumentException.class,
                () -> WeightReader.readRow(tensor, 0, new float[1]));
    }

    /** The second row of a [2, 3] matrix that starts at an odd address. */
    private static float[] row(DType dtype, Consumer<ByteBuffer> values) {
        byte[] bytes = new byte[1 + 6 * dtype.bytes()];
        values.accept(
                ByteBuffer.wrap(bytes)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .position(1 + 3 * dtype.bytes()));
        float[] out = new float[3];
        WeightReader.readRow(
                new WeightTensor(
                        "w", dtype, 2, 3, MemorySegment.ofArray(bytes).asSlice(1), null, 1, 3),
                1,
                out);
        return out;
    }

    private static short bf16(float value) {
        return (short) (Float.floatToRawIntBits(value) >> 16);
    }
}
