package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.CpuKvStore.TILE;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * The products of attention over tiles of {@link Int8KvStore}, in F32. Bytes are whole numbers in
 * F32 without loss; the scale of a key is multiplied into its scores, that of a value into its
 * weights, once for all elements. As in {@link Bf16Loops}, several rows share a load and the
 * accumulators are local variables.
 */
final class Int8Loops implements TileLoops {
    private static final int UNITS_PER_TILE = TILE / LANES;

    private final int dim;
    private final long valuesOffset;
    private final long keyScales;
    private final long valueScales;
    private final boolean singleRows;

    /**
     * @param dim padded head dimension
     * @param singleRows as in {@link CpuKvStore#loops}
     */
    Int8Loops(int dim, boolean singleRows) {
        this.dim = dim;
        this.valuesOffset = (long) TILE * dim;
        this.keyScales = 2 * valuesOffset;
        this.valueScales = keyScales + 4L * TILE;
        this.singleRows = singleRows;
    }

    @Override
    public void scores(long q, long[] tiles, int count, long scores, int rows) {
        int units = count * UNITS_PER_TILE;
        for (int row = 0; row < rows; row += ROWS) {
            long rowQ = q + 4L * dim * row;
            long rowScores = scores + 4L * AttentionKernel.CHUNK * row;
            boolean single = singleRows && rows - row == 1;
            for (int unit = 0; unit < units; unit += 2) {
                long a = tiles[unit / UNITS_PER_TILE];
                long b = tiles[(unit + 1) / UNITS_PER_TILE];
                int slotA = unit % UNITS_PER_TILE * LANES;
                int slotB = (unit + 1) % UNITS_PER_TILE * LANES;
                long to = rowScores + 4L * LANES * unit;
                FloatVector scaleA = Native.load(a + keyScales + 4L * slotA);
                FloatVector scaleB = Native.load(b + keyScales + 4L * slotB);
                if (single) {
                    scoresOfRow(rowQ, a + slotA, b + slotB, to);
                    scale(to, scaleA, scaleB);
                } else {
                    scoresOfRows(rowQ, a + slotA, b + slotB, to);
                    for (int i = 0; i < ROWS; i++) {
                        scale(to + 4L * AttentionKernel.CHUNK * i, scaleA, scaleB);
                    }
                }
            }
        }
    }

    private static void scale(long scores, FloatVector a, FloatVector b) {
        Native.store(Native.load(scores).mul(a), scores);
        Native.store(Native.load(scores + 4L * LANES).mul(b), scores + 4L * LANES);
    }

    private void scoresOfRow(long q, long a, long b, long to) {
        FloatVector a0 = FloatVector.zero(Native.F);
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        for (int d = 0; d < dim; d += 2) {
            long keys = (long) TILE * d;
            FloatVector q0 = Native.broadcast(q + 4L * d);
            FloatVector q1 = Native.broadcast(q + 4L * d + 4);
            a0 = Native.loadBytes(a + keys).fma(q0, a0);
            b0 = Native.loadBytes(b + keys).fma(q0, b0);
            a1 = Native.loadBytes(a + keys + TILE).fma(q1, a1);
            b1 = Native.loadBytes(b + keys + TILE).fma(q1, b1);
        }
        Native.storeBoth(to, a0.add(a1), b0.add(b1));
    }

    private void scoresOfRows(long q, long a, long b, long to) {
        long q1 = q + 4L * dim;
        long q2 = q1 + 4L * dim;
        long q3 = q2 + 4L * dim;
        FloatVector a0 = FloatVector.zero(Native.F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        for (int d = 0; d < dim; d++) {
            FloatVector keyA = Native.loadBytes(a + (long) TILE * d);
            FloatVector keyB = Native.loadBytes(b + (long) TILE * d);
            FloatVector x = Native.broadcast(q + 4L * d);
            a0 = x.fma(keyA, a0);
            b0 = x.fma(keyB, b0);
            x = Native.broadcast(q1 + 4L * d);
            a1 = x.fma(keyA, a1);
            b1 = x.fma(keyB, b1);
            x = Native.broadcast(q2 + 4L * d);
            a2 = x.fma(keyA, a2);
            b2 = x.fma(keyB, b2);
            x = Native.broadcast(q3 + 4L * d);
            a3 = x.fma(keyA, a3);
            b3 = x.fma(keyB, b3);
        }
        long stride = 4L * AttentionKernel.CHUNK;
        Native.storeBoth(to, a0, b0);
        Native.storeBoth(to + stride, a1, b1);
        Native.storeBoth(to + 2 * stride, a2, b2);
        Native.storeBoth(to + 3 * stride, a3, b3);
    }

    @Override
    public void values(long weights, long[] tiles, int keys, long out, int rows) {
        for (int row = 0; row < rows; row++) {
            scaleWeights(weights + 4L * AttentionKernel.CHUNK * row, tiles, keys);
        }
        for (int row = 0; row < rows; row += ROWS) {
            long rowWeights = weights + 4L * AttentionKernel.CHUNK * row;
            for (int d = 0; d < dim; d += 2 * LANES) {
                long to = out + 4L * (dim * row + d);
                if (singleRows && rows - row == 1) {
                    valuesOfRow(rowWeights, tiles, valuesOffset + d, keys, to);
                } else {
                    valuesOfRows(rowWeights, tiles, valuesOffset + d, keys, to);
                }
            }
        }
    }

    private void scaleWeights(long weights, long[] tiles, int keys) {
        for (int k = 0; k < keys; k += LANES) {
            FloatVector scales = Native.load(tiles[k / TILE] + valueScales + 4L * (k % TILE));
            Native.store(Native.load(weights + 4L * k).mul(scales), weights + 4L * k);
        }
    }

    private void valuesOfRow(long weights, long[] tiles, long column, int keys, long out) {
        FloatVector a0 = Native.load(out);
        FloatVector b0 = Native.load(out + 4L * LANES);
        FloatVector a1 = FloatVector.zero(Native.F);
        FloatVector b1 = a1;
        int k = 0;
        for (; k + 1 < keys; k += 2) {
            long value = tiles[k / TILE] + column + (long) dim * (k % TILE);
            FloatVector w0 = Native.broadcast(weights + 4L * k);
            FloatVector w1 = Native.broadcast(weights + 4L * k + 4);
            a0 = Native.loadBytes(value).fma(w0, a0);
            b0 = Native.loadBytes(value + LANES).fma(w0, b0);
            a1 = Native.loadBytes(value + dim).fma(w1, a1);
            b1 = Native.loadBytes(value + dim + LANES).fma(w1, b1);
        }
        if (k < keys) {
            long value = tiles[k / TILE] + column + (long) dim * (k % TILE);
            FloatVector w0 = Native.broadcast(weights + 4L * k);
            a0 = Native.loadBytes(value).fma(w0, a0);
            b0 = Native.loadBytes(value + LANES).fma(w0, b0);
        }
        Native.storeBoth(out, a0.add(a1), b0.add(b1));
    }

    private void valuesOfRows(long weights, long[] tiles, long column, int keys, long out) {
        long stride = 4L * dim;
        long wStride = 4L * AttentionKernel.CHUNK;
        FloatVector a0 = Native.load(out);
        FloatVector a1 = Native.load(out + stride);
        FloatVector a2 = Native.load(out + 2 * stride);
        FloatVector a3 = Native.load(out + 3 * stride);
        FloatVector b0 = Native.load(out + 4L * LANES);
        FloatVector b1 = Native.load(out + stride + 4L * LANES);
        FloatVector b2 = Native.load(out + 2 * stride + 4L * LANES);
        FloatVector b3 = Native.load(out + 3 * stride + 4L * LANES);
        for (int k = 0; k < keys; k++) {
            long value = tiles[k / TILE] + column + (long) dim * (k % TILE);
            FloatVector valueA = Native.loadBytes(value);
            FloatVector valueB = Native.loadBytes(value + LANES);
            long w = weights + 4L * k;
            FloatVector x = Native.broadcast(w);
            a0 = x.fma(valueA, a0);
            b0 = x.fma(valueB, b0);
            x = Native.broadcast(w + wStride);
            a1 = x.fma(valueA, a1);
            b1 = x.fma(valueB, b1);
            x = Native.broadcast(w + 2 * wStride);
            a2 = x.fma(valueA, a2);
            b2 = x.fma(valueB, b2);
            x = Native.broadcast(w + 3 * wStride);
            a3 = x.fma(valueA, a3);
            b3 = x.fma(valueB, b3);
        }
        Native.storeBoth(out, a0, b0);
        Native.storeBoth(out + stride, a1, b1);
        Native.storeBoth(out + 2 * stride, a2, b2);
        Native.storeBoth(out + 3 * stride, a3, b3);
    }
}
