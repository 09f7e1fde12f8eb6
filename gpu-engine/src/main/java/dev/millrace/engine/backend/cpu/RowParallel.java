package dev.millrace.engine.backend.cpu;

/** Divides an op over independent rows. */
final class RowParallel {
    /**
     * Elements below which waking another thread costs more than it saves: about 10 µs of simple
     * arithmetic.
     */
    private static final int ELEMENTS_PER_PART = 32 * 1024;

    private final WorkerPool pool;

    RowParallel(WorkerPool pool) {
        this.pool = pool;
    }

    /** What is done to one row. */
    @FunctionalInterface
    interface RowOp {
        void run(int row);
    }

    /**
     * @param elementsPerRow what a row costs, counted in elements of simple arithmetic
     */
    void run(int rows, int elementsPerRow, RowOp op) {
        long elements = (long) rows * elementsPerRow;
        // Twice as many parts as threads: one that is held up leaves its second part to others.
        int parts =
                (int)
                        Math.min(
                                Math.min(rows, 2L * pool.threads()),
                                Math.ceilDiv(elements, ELEMENTS_PER_PART));
        pool.run(
                parts,
                (worker, part) -> {
                    int end = (int) ((long) rows * (part + 1) / parts);
                    for (int row = (int) ((long) rows * part / parts); row < end; row++) {
                        op.run(row);
                    }
                });
    }
}
