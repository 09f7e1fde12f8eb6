package dev.millrace.engine.backend.cpu;


/** Runs packed linears on the workers; holds the rounded copy of their source rows. */
final class LinearRunner implements AutoCloseable {
    private final WorkerPool pool;
    private final RowParallel rowParallel;
    private final GrowingMemory scratch = new GrowingMemory();

    /** INT8 only: of the source rows */
    private float[] rowScales = {};

    /** The source rows that are in the scratch memory already; 0 for none */
    private long aheadOf;

    private GemmType aheadType;
    private int aheadRows;
    private int aheadCols;
    private int opsSinceAhead;

    private final boolean invariant;
    private final int int8Offset;

    /**
     * @param invariant a row's result does not depend on how many other rows there are
     */
    LinearRunner(OneDnn dnn, WorkerPool pool, RowParallel rowParallel, boolean invariant) {
        this.int8Offset = dnn.int8Offset();
        this.invariant = invariant;
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
        PackedLinear.Split split = linear.split(rows, pool.threads(), invariant);
        long source = converted(split.source(), src, rows, linear.inFeatures());
        float[] scales = rowScales;
        pool.run(
                linear.parts(split),
                (worker, part) -> linear.runPart(worker, part, split, source, scales, dst));
    }

    private long converted(GemmType type, long src, int rows, int cols) {
        if (type == GemmType.F32) {
            return src;
        }
        boolean isDone =
                opsSinceAhead == 1
                        && aheadOf == src
                        && aheadType == type
                        && aheadRows == rows
                        && aheadCols == cols;
        aheadOf = 0;
        if (!isDone) {
            rowParallel.run(
                    rows,
                    type == GemmType.INT8 ? 2 * cols : cols,
                    conversion(type, src, rows, cols));
        }
        return scratch.address();
    }

    /**
     * Lets the op that makes a linear's source rows convert each while it is in the core's cache.
     * The linear takes them if it is the next op and is given the same rows.
     *
     * @param src F32 rows, dense, which the returned op reads
     * @return what converts a row; nothing where the linear takes F32
     */
    RowParallel.RowOp ahead(PackedLinear reader, long src, int rows) {
        GemmType type = reader.source(rows, invariant);
        if (type == GemmType.F32 || rows == 0) {
            return row -> {};
        }
        RowParallel.RowOp op = conversion(type, src, rows, reader.inFeatures());
        aheadOf = src;
        aheadType = type;
        aheadRows = rows;
        aheadCols = reader.inFeatures();
        opsSinceAhead = 0;
        return op;
    }

    /** Is told when an op of the device begins: rows converted ahead are for the next one only. */
    void opBegins() {
        opsSinceAhead++;
    }

    private RowParallel.RowOp conversion(GemmType type, long src, int rows, int cols) {
        long to = scratch.atLeast((long) type.bytes() * RowBuckets.padded(rows) * cols);
        if (type == GemmType.BF16) {
            return row -> Bf16.convert(src + 4L * row * cols, to + 2L * row * cols, cols);
        }
        if (rowScales.length < rows) {
            rowScales = new float[rows];
        }
        float[] scales = rowScales;
        return row ->
                scales[row] =
                        Int8.quantise(
                                src + 4L * row * cols, to + (long) row * cols, cols, int8Offset);
    }

    @Override
    public void close() {
        scratch.close();
    }
}
