package dev.millrace.engine.backend;

import java.lang.foreign.MemorySegment;

/**
 * A matrix as the checkpoint holds it, row-major [rows, cols], mapped from the file. A device that
 * packs it must copy what it keeps: the mapping ends when the model is loaded. Values of FP8 are
 * {@code element * scale}, the scales given per block of [scaleRows, scaleCols] elements.
 *
 * @param name its name in the checkpoint, for messages
 * @param data the elements, little-endian
 * @param scales [ceil(rows / scaleRows) * ceil(cols / scaleCols)], or null for none
 * @param scaleRows rows that share a scale (1 = per output channel, rows = per tensor)
 * @param scaleCols columns that share a scale (cols = the whole row)
 */
public record WeightTensor(
        String name,
        DType dtype,
        int rows,
        int cols,
        MemorySegment data,
        float[] scales,
        int scaleRows,
        int scaleCols) {

    /** Element types of checkpoints. */
    public enum DType {
        F32(4),
        F16(2),
        BF16(2),
        F8_E4M3(1);

        private final int bytes;

        DType(int bytes) {
            this.bytes = bytes;
        }

        public int bytes() {
            return bytes;
        }
    }
}
