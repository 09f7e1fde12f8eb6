package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.Buffer;

import java.lang.foreign.SegmentAllocator;

/**
 * F32 rows in native memory, 64-byte aligned. Rows are padded to a row bucket, because a GEMM may
 * write that many.
 */
final class CpuBuffer implements Buffer {
    private final int rows;
    private final int cols;
    private final long address;

    CpuBuffer(SegmentAllocator memory, int rows, int cols) {
        if (rows < 1 || cols < 1) {
            throw new IllegalArgumentException(
                    "buffer [" + rows + ", " + cols + "]: both must be at least 1");
        }
        this.rows = rows;
        this.cols = cols;
        long bytes = 4L * RowBuckets.padded(rows) * cols;
        this.address = memory.allocate(bytes, 64).address();
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int cols() {
        return cols;
    }

    long row(int row) {
        return address + 4L * row * cols;
    }
}
