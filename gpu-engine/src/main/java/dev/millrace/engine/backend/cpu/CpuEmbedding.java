package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;

import java.lang.foreign.SegmentAllocator;

/**
 * An embedding table [vocabulary, hidden]: BF16 where the checkpoint's is, else F32, so that no bit
 * is lost.
 */
final class CpuEmbedding implements Linear {
    private final int vocabulary;
    private final int hidden;
    private final boolean bf16;
    private final long address;

    CpuEmbedding(SegmentAllocator memory, WeightTensor table) {
        this.vocabulary = table.rows();
        this.hidden = table.cols();
        this.bf16 = table.dtype() == WeightTensor.DType.BF16;
        int bytes = bf16 ? 2 : 4;
        this.address = memory.allocate((long) vocabulary * hidden * bytes, 64).address();
        float[] values = new float[hidden];
        for (int row = 0; row < vocabulary; row++) {
            WeightReader.readRow(table, row, values);
            long target = address + (long) row * hidden * bytes;
            for (int col = 0; col < hidden; col++) {
                if (bf16) {
                    Native.setShort(target + 2L * col, (short) Bf16.round(values[col]));
                } else {
                    Native.setFloat(target + 4L * col, values[col]);
                }
            }
        }
    }

    @Override
    public int inFeatures() {
        return hidden;
    }

    @Override
    public int outFeatures() {
        return vocabulary;
    }

    void copyRow(int token, long to) {
        if (token < 0 || token >= vocabulary) {
            throw new IllegalArgumentException(
                    "token id "
                            + token
                            + " is outside the embedding table of "
                            + vocabulary
                            + " rows");
        }
        if (!bf16) {
            Native.copy(address + 4L * token * hidden, to, 4L * hidden);
            return;
        }
        long from = address + 2L * token * hidden;
        for (int i = 0; i < hidden; i++) {
            Native.setFloat(to + 4L * i, Bf16.toFloat(Native.getShort(from + 2L * i)));
        }
    }
}
