package dev.millrace.engine.backend.cpu;

import java.lang.foreign.Arena;

/** Runs packed linears on the workers; holds the BF16 copy of their source rows. */
final class LinearRunner implements AutoCloseable {
    private final WorkerPool pool;
    private final RowParallel rowParallel;
    private Arena arena;
    private long scratch;
    private long scratchBytes;

    LinearRunner(WorkerPool pool, RowParallel rowParallel) {
        this.pool = pool;
        this.rowParallel = rowParallel;
    }

    /**
     * dst = src Wᵀ + bias. Also writes rows behind the last, up to {@link RowBuckets#padded}.
     *
     * @param src F32 rows, dense
     * @param dst F32 rows, dense
     */
    void run(PackedLinear linear, long src, long dst, int rows) {
        if (rows == 0) {
            return;
        }
        long source = linear.type() == GemmType.F32 ? src : toBf16(src, rows, linear.inFeatures());
        int threads = pool.threads();
        pool.run(linear.parts(rows, threads), (worker, part) -> linear.runPart(worker, part, source, dst, rows, threads));
    }

    private long toBf16(long src, int rows, int cols) {
        reserve(2L * RowBuckets.padded(rows) * cols);
        long to = scratch;
        rowParallel.run(rows, cols, row -> Bf16.convert(src + 4L * row * cols, to + 2L * row * cols, cols));
        return to;
    }

    /** Grows to the largest product that was ever asked for, and then stays. */
    private void reserve(long bytes) {
        if (bytes <= scratchBytes) {
            return;
        }
        close();
        arena = Arena.ofShared();
        scratchBytes = Math.max(bytes, 2 * scratchBytes);
        scratch = arena.allocate(scratchBytes, 64).address();
    }

    @Override
    public void close() {
        if (arena != null) {
            arena.close();
            arena = null;
        }
    }
}
