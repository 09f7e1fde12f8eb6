package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.Buffer;

/**
 * Activations in device memory, BF16 or F32, row-major. Memory is there for a few rows more, since
 * GEMMs want their number to be a multiple of four.
 */
final class CudaBuffer implements Buffer {
    /** Rows are allocated in multiples of this. */
    static final int ROW_GRANULE = 16;

    private final long address;
    private final int rows;
    private final int cols;
    private final boolean isF32;

    /** Address of a bias [cols] that the next reader still has to add; 0 for none. */
    long pendingBias;

    /** False where only the FP8 form was written. */
    boolean holdsValues = true;

    CudaBuffer(long address, int rows, int cols, boolean isF32) {
        this.address = address;
        this.rows = rows;
        this.cols = cols;
        this.isF32 = isF32;
    }

    static long bytes(int rows, int cols, boolean isF32) {
        return (long) Math.ceilDiv(rows, ROW_GRANULE) * ROW_GRANULE * cols * (isF32 ? 4 : 2);
    }

    long address() {
        return address;
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int cols() {
        return cols;
    }

    boolean isF32() {
        return isF32;
    }
}
