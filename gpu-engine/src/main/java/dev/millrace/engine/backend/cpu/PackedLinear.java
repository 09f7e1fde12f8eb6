package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightReader;
import dev.millrace.engine.backend.WeightTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Weights of a linear layer, cut into slices of output columns and packed once in oneDNN's layout. The workers share
 * the slices (and, where these are fewer than the workers, ranges of rows).
 */
final class PackedLinear implements Linear {
    /** Slices are multiples of oneDNN's widest column block. */
    private static final int SLICE_STEP = 64;
    /** Not wider than this, so that there is something to share when a worker is held up. */
    private static final int SLICE_MAX = 2048;

    /** A part of fewer rows would spend its time on reading the weights. */
    static final int ROWS_WORTH_SHARING = 64;

    private final int inFeatures;
    private final int outFeatures;
    private final GemmType type;
    private final int sliceColumns;
    private final GemmPlan[] plans;
    private final long[] weights;
    private final long bias;

    PackedLinear(OneDnn dnn, GemmType type, Arena arena, List<WeightTensor> parts, float[] bias) {
        this.inFeatures = parts.getFirst().cols();
        this.outFeatures = parts.stream().mapToInt(WeightTensor::rows).sum();
        this.type = type;
        int share = Math.min(SLICE_MAX, Math.ceilDiv(outFeatures, dnn.workers()));
        this.sliceColumns = Math.min(outFeatures, Math.ceilDiv(share, SLICE_STEP) * SLICE_STEP);
        int slices = Math.ceilDiv(outFeatures, sliceColumns);
        this.plans = new GemmPlan[slices];
        this.weights = new long[slices];
        this.bias = bias == null ? 0 : copy(arena, bias);
        RowCursor rows = new RowCursor(parts);
        try (Arena staging = Arena.ofConfined()) {
            long rowMajor = staging.allocate((long) sliceColumns * inFeatures * type.bytes(), 64).address();
            for (int slice = 0; slice < slices; slice++) {
                int columns = Math.min(sliceColumns, outFeatures - slice * sliceColumns);
                rows.next(columns, type, rowMajor);
                plans[slice] = dnn.plan(new GemmShape(type, inFeatures, columns, outFeatures, bias != null));
                weights[slice] = arena.allocate(plans[slice].packedBytes(), 64).address();
                plans[slice].pack(rowMajor, weights[slice]);
            }
        }
    }

    @Override
    public int inFeatures() {
        return inFeatures;
    }

    @Override
    public int outFeatures() {
        return outFeatures;
    }

    GemmType type() {
        return type;
    }

    /** Parts that {@link #runPart} divides a product of {@code rows} rows into. */
    int parts(int rows, int workers) {
        return plans.length * Math.ceilDiv(rows, chunkRows(rows, workers));
    }

    /**
     * Computes one part of the product.
     *
     * @param src rows of {@link #type}, dense, as many as {@link RowBuckets#padded} says
     * @param dst F32 rows, dense, as many
     */
    void runPart(int worker, int index, long src, long dst, int rows, int workers) {
        int slice = index % plans.length;
        int chunkRows = chunkRows(rows, workers);
        int first = index / plans.length * chunkRows;
        int count = Math.min(chunkRows, rows - first);
        int firstColumn = slice * sliceColumns;
        plans[slice]
                .gemm(worker, RowBuckets.index(count))
                .run(
                        src + (long) first * inFeatures * type.bytes(),
                        weights[slice],
                        bias + 4L * firstColumn,
                        dst + 4L * ((long) first * outFeatures + firstColumn));
    }

    /**
     * Rows of a part: all up to a GEMM's largest, or fewer where slices alone would leave workers idle. Always a bucket,
     * so that only the last part computes extra rows and none writes into another's.
     */
    private int chunkRows(int rows, int workers) {
        int even = Math.ceilDiv(rows, Math.max(1, workers / plans.length));
        return RowBuckets.size(RowBuckets.index(Math.min(RowBuckets.MAX, Math.max(ROWS_WORTH_SHARING, even))));
    }

    private static long copy(Arena arena, float[] values) {
        MemorySegment memory = arena.allocate(4L * values.length, 64);
        memory.copyFrom(MemorySegment.ofArray(values));
        return memory.address();
    }

    /** Walks over the rows of stacked matrices. */
    private static final class RowCursor {
        private final List<WeightTensor> parts;
        private final float[] values;
        private int part;
        private int row;

        RowCursor(List<WeightTensor> parts) {
            this.parts = parts;
            this.values = new float[parts.getFirst().cols()];
        }

        /** Writes the next {@code count} rows as {@code type}, dense. */
        void next(int count, GemmType type, long to) {
            for (int i = 0; i < count; i++) {
                if (row == parts.get(part).rows()) {
                    part++;
                    row = 0;
                }
                WeightReader.readRow(parts.get(part), row++, values);
                long target = to + (long) i * values.length * type.bytes();
                for (int col = 0; col < values.length; col++) {
                    if (type == GemmType.F32) {
                        Native.setFloat(target + 4L * col, values[col]);
                    } else {
                        Native.setShort(target + 2L * col, (short) Bf16.round(values[col]));
                    }
                }
            }
        }
    }
}
