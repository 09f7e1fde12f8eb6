package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * FP8 scales in every shape that real checkpoints use. The goldens prove channels in BF16 and
 * blocks in F32.
 */
class CheckpointTest {

    @TempDir private Path folder;

    @Test
    void oneScaleForTheWholeTensor() throws IOException {
        for (String shape : new String[] {"[]", "[1]", "[1, 1]"}) {
            assertRows(
                    "weight_scale",
                    shape,
                    new QuantizationConfig("modelopt", 0, 0),
                    new float[] {2},
                    new float[][] {{2, 2, 2}, {2, 2, 2}});
        }
    }

    @Test
    void oneScaleForEachRow() throws IOException {
        for (String shape : new String[] {"[2]", "[2, 1]"}) {
            assertRows(
                    "weight_scale",
                    shape,
                    new QuantizationConfig("fbgemm_fp8", 0, 0),
                    new float[] {2, 3},
                    new float[][] {{2, 2, 2}, {3, 3, 3}});
        }
    }

    @Test
    void oneScaleForEachBlock() throws IOException {
        assertRows(
                "weight_scale_inv",
                "[1, 2]",
                new QuantizationConfig("fp8", 2, 2),
                new float[] {2, 3},
                new float[][] {{2, 2, 3}, {2, 2, 3}});
        // As many blocks as rows, yet no scales per row: one block across.
        assertRows(
                "weight_scale_inv",
                "[2, 1]",
                new QuantizationConfig("fp8", 1, 4),
                new float[] {2, 3},
                new float[][] {{2, 2, 2}, {3, 3, 3}});
    }

    /** Checks a 2 × 3 matrix of ones with these scales. */
    private void assertRows(
            String scaleName,
            String shape,
            QuantizationConfig quantization,
            float[] scales,
            float[][] wanted)
            throws IOException {
        String header =
                """
                {"w.weight": {"dtype": "F8_E4M3", "shape": [2, 3], "data_offsets": [0, 6]},
                 "w.%s": {"dtype": "F32", "shape": %s, "data_offsets": [6, %d]}}\
                """
                        .formatted(scaleName, shape, 6 + 4 * scales.length);
        ByteBuffer out =
                ByteBuffer.allocate(8 + header.length() + 6 + 4 * scales.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(header.length()).put(header.getBytes(StandardCharsets.US_ASCII));
        byte one = 0x38;
        out.put(new byte[] {one, one, one, one, one, one});
        for (float scale : scales) {
            out.putFloat(scale);
        }
        Files.write(folder.resolve("model.safetensors"), out.array());
        try (Checkpoint checkpoint = Checkpoint.open(folder, quantization)) {
            WeightTensor matrix = checkpoint.matrix("w.weight", 2, 3);
            for (int row = 0; row < 2; row++) {
                float[] values = new float[3];
                WeightReader.readRow(matrix, row, values);
                assertArrayEquals(wanted[row], values, shape + " row " + row);
            }
            assertEquals(0, checkpoint.unused().size());
        }
    }
}
