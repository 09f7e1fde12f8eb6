package dev.millrace.engine.backend.cpu;

import org.bytedeco.dnnl.memory.format_tag;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A BF16 linear multiplied in F32, for processors whose BF16 dot product is the slower of the two:
 * a part widens a panel of columns from the packed weights into memory of its worker, which stays
 * in the core's cache, and multiplies many rows by it. The weights lie in memory once, as BF16.
 *
 * <p>Widening keeps the order of oneDNN's layouts: blocks of 64 columns, in BF16 with the rows of K
 * in pairs, in F32 row by row.
 */
final class WidenedPanels {
    /** Rows of a product from which on it is faster; docs/adr/0023. */
    static final int FEWEST_ROWS = 32;

    /** Rows that a panel is widened for. */
    private static final int PART_ROWS = 4 * RowBuckets.MAX;

    private static final int COLUMN_BLOCK = 64;
    private static final int WIDEST = 256;

    /** Half of a core's cache. */
    private static final int PANEL_BYTES = 1 << 20;

    /** Rows of K in a block of the layouts. */
    private static final int BF16_BLOCK = 32;

    private static final int F32_BLOCK = 16;

    private final OneDnn dnn;
    private final int inFeatures;
    private final int rowStride;
    private final long packedBlockBytes;
    private final List<Panel> panels = new ArrayList<>();

    /**
     * @param packed where the panel's columns begin in the packed weights
     * @param firstColumn of the linear
     */
    private record Panel(GemmPlan plan, long packed, int firstColumn, int columns) {}

    private WidenedPanels(OneDnn dnn, int inFeatures, int rowStride) {
        this.dnn = dnn;
        this.inFeatures = inFeatures;
        this.rowStride = rowStride;
        this.packedBlockBytes = 2L * COLUMN_BLOCK * roundedUp(inFeatures, BF16_BLOCK);
    }

    /**
     * Panels of a linear that is packed in slices of whole column blocks, the last perhaps less.
     *
     * @return empty where the processor is not faster for it, or oneDNN packs in another way
     */
    static Optional<WidenedPanels> of(OneDnn dnn, GemmPlan[] slices, long[] packed) {
        GemmShape first = slices[0].shape();
        if (first.type() != GemmType.BF16 || !dnn.widensBf16()) {
            return Optional.empty();
        }
        WidenedPanels all = new WidenedPanels(dnn, first.inFeatures(), first.rowStride());
        int column = 0;
        for (int slice = 0; slice < slices.length; slice++) {
            if (!all.add(slices[slice], packed[slice], column)) {
                return Optional.empty();
            }
            column += slices[slice].shape().columns();
        }
        return Optional.of(all);
    }

    private boolean add(GemmPlan slice, long packed, int sliceColumn) {
        if (!slice.isPackedAs(format_tag.BA16a64b2a)) {
            return false;
        }
        GemmShape shape = slice.shape();
        int fitting = PANEL_BYTES / (4 * inFeatures) / COLUMN_BLOCK * COLUMN_BLOCK;
        int widest = Math.clamp(fitting, COLUMN_BLOCK, WIDEST);
        int even = Math.ceilDiv(shape.columns(), Math.ceilDiv(shape.columns(), widest));
        int width = roundedUp(even, COLUMN_BLOCK);
        for (int column = 0; column < shape.columns(); column += width) {
            int columns = Math.min(width, shape.columns() - column);
            GemmPlan plan =
                    dnn.plan(
                            new GemmShape(
                                    GemmType.F32, inFeatures, columns, rowStride, shape.bias()));
            if (!plan.isPackedAs(format_tag.BA16a64b)) {
                return false;
            }
            long from = packed + column / COLUMN_BLOCK * packedBlockBytes;
            panels.add(new Panel(plan, from, sliceColumn + column, columns));
        }
        return true;
    }

    /** Parts that {@link #runPart} divides a product into. */
    int parts(PackedLinear.Split split) {
        return panels.size() * Math.ceilDiv(split.rows(), PART_ROWS);
    }

    /**
     * Computes one part of the product.
     *
     * @param src F32 rows, dense, as many as {@link RowBuckets#padded} says
     * @param bias F32 [columns]; not read where there is none
     * @param dst F32 rows, dense, as many
     */
    void runPart(int worker, int index, PackedLinear.Split split, long src, long bias, long dst) {
        Panel panel = panels.get(index % panels.size());
        long widened = widen(panel, worker);
        int first = index / panels.size() * PART_ROWS;
        int end = Math.min(split.rows(), first + PART_ROWS);
        for (int row = first; row < end; row += split.chunkRows()) {
            int rows = split.alwaysWhole() ? split.chunkRows() : end - row;
            panel.plan
                    .gemm(worker, RowBuckets.index(Math.min(rows, split.chunkRows())))
                    .run(
                            src + 4L * row * inFeatures,
                            widened,
                            bias + 4L * panel.firstColumn,
                            dst + 4L * ((long) row * rowStride + panel.firstColumn));
        }
    }

    private long widen(Panel panel, int worker) {
        int rows = roundedUp(inFeatures, F32_BLOCK);
        long rowBytes = 4L * COLUMN_BLOCK;
        long toBytes = rowBytes * rows;
        int blocks = Math.ceilDiv(panel.columns, COLUMN_BLOCK);
        long to = dnn.panel(worker).atLeast(blocks * toBytes);
        for (int block = 0; block < blocks; block++) {
            Bf16.widenPairs(
                    panel.packed + block * packedBlockBytes,
                    to + block * toBytes,
                    rows / 2,
                    COLUMN_BLOCK,
                    rowBytes);
        }
        return to;
    }

    private static int roundedUp(int value, int step) {
        return Math.ceilDiv(value, step) * step;
    }
}
