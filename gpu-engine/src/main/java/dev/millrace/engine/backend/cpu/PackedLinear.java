package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/**
 * Weights of a linear layer, cut into slices of output columns and packed once in oneDNN's layout.
 * The workers share the slices (and, where these are fewer than the workers, ranges of rows).
 */
final class PackedLinear implements Linear {
    /** Slices are multiples of oneDNN's widest column block. */
    private static final int SLICE_STEP = 64;

    /** Not wider than this, so that there is something to share when a worker is held up. */
    private static final int SLICE_MAX = 2048;

    /** A part of fewer rows would spend its time on reading the weights. */
    static final int ROWS_WORTH_SHARING = 64;

    /** So that a part's output is still in the core's cache when its rows are scaled. */
    private static final int INT8_ROWS = 128;

    /** Rows of every part in batch-invariant mode. */
    private static final int INVARIANT_ROWS = 64;

    private final int inFeatures;
    private final int outFeatures;
    private final GemmType type;
    private final int sliceColumns;
    private final GemmPlan[] plans;
    private final long[] weights;

    private final Optional<WidenedPanels> widened;

    /** F32 [outFeatures] or 0 */
    private final long bias;

    /** [slice], INT8 only */
    private final Int8.Columns[] columns;

    /** Of the product under way */
    private final Split split = new Split();

    PackedLinear(
            OneDnn dnn,
            GemmType type,
            SegmentAllocator memory,
            List<WeightTensor> parts,
            float[] bias) {
        this.inFeatures = parts.getFirst().cols();
        this.outFeatures = parts.stream().mapToInt(WeightTensor::rows).sum();
        this.type = type;
        int share = Math.min(SLICE_MAX, Math.ceilDiv(outFeatures, dnn.workers()));
        this.sliceColumns = Math.min(outFeatures, Math.ceilDiv(share, SLICE_STEP) * SLICE_STEP);
        int slices = Math.ceilDiv(outFeatures, sliceColumns);
        this.plans = new GemmPlan[slices];
        this.weights = new long[slices];
        this.bias = bias == null ? 0 : copy(memory, bias);
        this.columns = new Int8.Columns[slices];
        boolean isInt8 = type == GemmType.INT8;
        Int8.Columns all =
                new Int8.Columns(
                        isInt8 ? memory.allocate(4L * outFeatures, 64).address() : 0,
                        isInt8 ? memory.allocate(4L * outFeatures, 64).address() : 0,
                        this.bias);
        boolean addsBias = bias != null && !isInt8;
        try (Arena staging = Arena.ofConfined()) {
            RowCursor rows = new RowCursor(parts, staging, dnn.int8Offset());
            long rowMajor =
                    staging.allocate((long) sliceColumns * inFeatures * type.bytes(), 64).address();
            for (int slice = 0; slice < slices; slice++) {
                int width = Math.min(sliceColumns, outFeatures - slice * sliceColumns);
                columns[slice] = all.from(slice * sliceColumns);
                rows.next(width, type, rowMajor, columns[slice]);
                plans[slice] =
                        dnn.plan(new GemmShape(type, inFeatures, width, outFeatures, addsBias));
                weights[slice] = memory.allocate(plans[slice].packedBytes(), 64).address();
                plans[slice].pack(rowMajor, weights[slice]);
            }
        }
        this.widened = WidenedPanels.of(dnn, plans, weights);
    }

    @Override
    public int inFeatures() {
        return inFeatures;
    }

    @Override
    public int outFeatures() {
        return outFeatures;
    }

    /**
     * The form in which a product of {@code rows} rows takes them; arguments are those of {@link
     * #split}.
     */
    GemmType source(int rows, boolean invariant) {
        boolean isWidened =
                widened.isPresent() && (invariant || rows >= WidenedPanels.FEWEST_ROWS);
        return isWidened ? GemmType.F32 : type;
    }

    /** How a product is divided; that of the next product of the same linear takes its place. */
    static final class Split {
        private GemmType source;
        private int rows;
        private int chunkRows;
        private boolean alwaysWhole;

        /** Form of the source rows: not the linear's own where weights are widened. */
        GemmType source() {
            return source;
        }

        int rows() {
            return rows;
        }

        /** Rows of a GEMM. */
        int chunkRows() {
            return chunkRows;
        }

        /** Whether a last GEMM of fewer rows is computed as a whole one, the rest ignored. */
        boolean alwaysWhole() {
            return alwaysWhole;
        }
    }

    /**
     * Divides a product of {@code rows} rows.
     *
     * @param invariant all parts take one and the same kernel, so that a row's sums are made in the
     *     same order whatever the number of rows; INT8 sums are exact in any order
     */
    Split split(int rows, int workers, boolean invariant) {
        split.source = source(rows, invariant);
        split.rows = rows;
        split.alwaysWhole = invariant && type != GemmType.INT8;
        int chunkRows = split.source == type ? chunkRows(rows, workers) : RowBuckets.MAX;
        split.chunkRows = split.alwaysWhole ? INVARIANT_ROWS : chunkRows;
        return split;
    }

    /** Parts that {@link #runPart} divides a product into. */
    int parts(Split split) {
        if (split.source != type) {
            return widened.orElseThrow().parts(split);
        }
        return plans.length * Math.ceilDiv(split.rows, split.chunkRows);
    }

    /**
     * Computes one part of the product.
     *
     * @param src rows of the split's form, dense, as many as {@link RowBuckets#padded} says
     * @param rowScales INT8 only: [rows]
     * @param dst F32 rows, dense, as many
     */
    void runPart(int worker, int index, Split split, long src, float[] rowScales, long dst) {
        if (split.source != type) {
            widened.orElseThrow().runPart(worker, index, split, src, bias, dst);
            return;
        }
        int slice = index % plans.length;
        int first = index / plans.length * split.chunkRows;
        int count = Math.min(split.chunkRows, split.rows - first);
        int firstColumn = slice * sliceColumns;
        int bucket = RowBuckets.index(split.alwaysWhole ? split.chunkRows : count);
        long to = dst + 4L * ((long) first * outFeatures + firstColumn);
        plans[slice]
                .gemm(worker, bucket)
                .run(
                        src + (long) first * inFeatures * type.bytes(),
                        weights[slice],
                        bias + 4L * firstColumn,
                        to);
        if (type == GemmType.INT8) {
            int width = Math.min(sliceColumns, outFeatures - firstColumn);
            for (int row = 0; row < count; row++) {
                Int8.finish(
                        to + 4L * row * outFeatures, rowScales[first + row], columns[slice], width);
            }
        }
    }

    /**
     * Rows of a part: all up to a GEMM's largest, or fewer where slices alone would leave workers
     * idle. Always a bucket, so that only the last part computes extra rows and none writes into
     * another's.
     */
    private int chunkRows(int rows, int workers) {
        int even = Math.ceilDiv(rows, Math.max(1, workers / plans.length));
        int most = type == GemmType.INT8 ? INT8_ROWS : RowBuckets.MAX;
        return RowBuckets.size(
                RowBuckets.index(Math.min(most, Math.max(ROWS_WORTH_SHARING, even))));
    }

    private static long copy(SegmentAllocator memory, float[] values) {
        MemorySegment copy = memory.allocate(4L * values.length, 64);
        copy.copyFrom(MemorySegment.ofArray(values));
        return copy.address();
    }

    /**
     * A plain loop: weights are read before anything is compiled, when the Vector API is slower by
     * two orders of magnitude.
     */
    private static void roundAll(float[] values, long to) {
        for (int i = 0; i < values.length; i++) {
            Native.setShort(to + 2L * i, (short) Bf16.round(values[i]));
        }
    }

    /** Walks over the rows of stacked matrices. */
    private static final class RowCursor {
        private final List<WeightTensor> parts;
        private final float[] values;
        private final MemorySegment staged;
        private final int int8Offset;
        private int part;
        private int row;

        RowCursor(List<WeightTensor> parts, Arena arena, int int8Offset) {
            this.parts = parts;
            this.int8Offset = int8Offset;
            this.values = new float[parts.getFirst().cols()];
            this.staged = arena.allocate(4L * values.length, 64);
        }

        /**
         * Writes the next {@code count} rows as {@code type}, dense.
         *
         * @param columns where INT8's scales and corrections go
         */
        void next(int count, GemmType type, long to, Int8.Columns columns) {
            int cols = values.length;
            for (int i = 0; i < count; i++) {
                if (row == parts.get(part).rows()) {
                    part++;
                    row = 0;
                }
                WeightReader.readRow(parts.get(part), row++, values);
                MemorySegment.copy(values, 0, staged, ValueLayout.JAVA_FLOAT, 0, cols);
                long target = to + (long) i * cols * type.bytes();
                switch (type) {
                    case F32 -> Native.copy(staged.address(), target, 4L * cols);
                    case BF16 -> roundAll(values, target);
                    case INT8 -> {
                        float scale = Int8.quantiseWeights(staged.address(), target, cols);
                        Native.setFloat(columns.scales() + 4L * i, scale);
                        Native.setInt(
                                columns.corrections() + 4L * i,
                                Int8.correction(target, cols, int8Offset));
                    }
                }
            }
        }
    }
}
