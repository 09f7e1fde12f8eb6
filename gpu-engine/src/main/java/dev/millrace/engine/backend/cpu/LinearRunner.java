package dev.millrace.engine.backend.cpu;

/** Runs packed linears on the workers; holds the rounded copy of their source rows. */
final class LinearRunner implements AutoCloseable {
    private final WorkerPool pool;
    private final RowParallel rowParallel;
    private final GrowingMemory scratch = new GrowingMemory();

    /** INT8 only: of the source rows */
    private float[] rowScales = {};

    /** The source rows that are being converted, or were last */
    private final Conversion conversion = new Conversion();

    /** Whether the next linear may find its rows converted already */
    private boolean isAhead;

    private int opsSinceAhead;

    private final boolean invariant;
    private final int int8Offset;

    /** The product under way; {@link #part} is one for all of them. */
    private PackedLinear linear;

    private PackedLinear.Split split;
    private long source;
    private long destination;
    private final WorkerPool.Part part = this::runPart;

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
        this.linear = linear;
        split = linear.split(rows, pool.threads(), invariant);
        source = converted(split.source(), src, rows, linear.inFeatures());
        destination = dst;
        pool.run(linear.parts(split), part);
    }

    private void runPart(int worker, int index) {
        linear.runPart(worker, index, split, source, rowScales, destination);
    }

    private long converted(GemmType type, long src, int rows, int cols) {
        if (type == GemmType.F32) {
            return src;
        }
        boolean isDone = isAhead && opsSinceAhead == 1 && conversion.is(type, src, rows, cols);
        isAhead = false;
        if (!isDone) {
            begin(type, src, rows, cols);
            rowParallel.run(rows, type == GemmType.INT8 ? 2 * cols : cols, conversion);
        }
        return scratch.address();
    }

    /**
     * Lets the op that makes a linear's source rows convert each while it is in the core's cache.
     * The linear takes them if it is the next op and is given the same rows.
     *
     * @param src F32 rows, dense, which the returned op reads
     * @return what converts a row, until the next call; nothing where the linear takes F32
     */
    RowParallel.RowOp ahead(PackedLinear reader, long src, int rows) {
        GemmType type = reader.source(rows, invariant);
        if (type == GemmType.F32 || rows == 0) {
            return RowParallel.NOTHING;
        }
        begin(type, src, rows, reader.inFeatures());
        isAhead = true;
        opsSinceAhead = 0;
        return conversion;
    }

    /** Is told when an op of the device begins: rows converted ahead are for the next one only. */
    void opBegins() {
        opsSinceAhead++;
    }

    private void begin(GemmType type, long src, int rows, int cols) {
        if (type == GemmType.INT8 && rowScales.length < rows) {
            rowScales = new float[rows];
        }
        conversion.type = type;
        conversion.from = src;
        conversion.to = scratch.atLeast((long) type.bytes() * RowBuckets.padded(rows) * cols);
        conversion.rows = rows;
        conversion.cols = cols;
    }

    /** Brings rows of F32 into a linear's form. */
    private final class Conversion implements RowParallel.RowOp {
        private GemmType type;
        private long from;
        private long to;
        private int rows;
        private int cols;

        boolean is(GemmType ofType, long src, int ofRows, int ofCols) {
            return type == ofType && from == src && rows == ofRows && cols == ofCols;
        }

        @Override
        public void run(int row) {
            long source = from + 4L * row * cols;
            if (type == GemmType.BF16) {
                Bf16.convert(source, to + 2L * row * cols, cols);
            } else {
                rowScales[row] = Int8.quantise(source, to + (long) row * cols, cols, int8Offset);
            }
        }
    }

    @Override
    public void close() {
        scratch.close();
    }
}
