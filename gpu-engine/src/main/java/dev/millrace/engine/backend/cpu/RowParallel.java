package dev.millrace.engine.backend.cpu;

/** Divides an op over independent rows. */
final class RowParallel {
    /**
     * Elements below which waking another thread costs more than it saves: about 10 µs of simple
     * arithmetic.
     */
    private static final int ELEMENTS_PER_PART = 32 * 1024;

    /** Does nothing to a row. */
    static final RowOp NOTHING = row -> {};

    private final WorkerPool pool;

    /** One for all ops, so that none is made for each. */
    private final WorkerPool.Part part = this::runPart;

    private RowOp op;
    private int rows;
    private int parts;

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
        this.op = op;
        this.rows = rows;
        // Twice as many parts as threads: one that is held up leaves its second part to others.
        parts =
                (int)
                        Math.min(
                                Math.min(rows, 2L * pool.threads()),
                                Math.ceilDiv(elements, ELEMENTS_PER_PART));
        pool.run(parts, part);
    }

    private void runPart(int worker, int index) {
        RowOp each = op;
        int end = (int) ((long) rows * (index + 1) / parts);
        for (int row = (int) ((long) rows * index / parts); row < end; row++) {
            each.run(row);
        }
    }
}
