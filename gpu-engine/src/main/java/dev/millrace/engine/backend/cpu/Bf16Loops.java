package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Bf16.high;
import static dev.millrace.engine.backend.cpu.Bf16.low;
import static dev.millrace.engine.backend.cpu.CpuKvStore.TILE;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The two products of attention over tiles of {@link Bf16KvStore}, in F32: queries with keys,
 * weights with values. A load brings pairs of BF16; the low one becomes F32 by a shift, the high
 * one by a mask, and both serve {@link #ROWS} rows. The accumulators are local variables, so that
 * they stay in registers. The loops over several rows take one element of a pair at a time: with
 * both in one body the compiler gives up inlining half-way and allocates every vector (measured:
 * twenty times slower).
 */
final class Bf16Loops implements TileLoops {
    private static final int UNITS_PER_TILE = TILE / LANES;

    private final int dim;
    private final long valuesOffset;
    private final boolean singleRows;

    /**
     * @param dim padded head dimension
     * @param valuesOffset bytes from a tile's keys to its values
     * @param singleRows a row that is left over is computed alone, which sums in another order
     */
    Bf16Loops(int dim, long valuesOffset, boolean singleRows) {
        this.singleRows = singleRows;
        this.dim = dim;
        this.valuesOffset = valuesOffset;
    }

    @Override
    public void scores(long q, long[] tiles, int count, long scores, int rows) {
        int units = count * UNITS_PER_TILE;
        for (int row = 0; row < rows; row += ROWS) {
            long rowQ = q + 4L * dim * row;
            long rowScores = scores + 4L * AttentionKernel.CHUNK * row;
            for (int unit = 0; unit < units; unit += 2) {
                long to = rowScores + 4L * LANES * unit;
                if (singleRows && rows - row == 1) {
                    scoresOfRow(rowQ, unit(tiles, unit), unit(tiles, unit + 1), to);
                } else {
                    scoresOfRows(rowQ, unit(tiles, unit), unit(tiles, unit + 1), to);
                }
            }
        }
    }

    /** Address of the keys of one vector's worth of slots. */
    private static long unit(long[] tiles, int unit) {
        return tiles[unit / UNITS_PER_TILE] + unit % UNITS_PER_TILE * 4L * LANES;
    }

    private void scoresOfRow(long q, long a, long b, long to) {
        FloatVector a0 = FloatVector.zero(Native.F);
        FloatVector a1 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        for (int d = 0; d < dim; d += 2) {
            IntVector pairsA = Native.loadInts(a + 2L * TILE * d);
            IntVector pairsB = Native.loadInts(b + 2L * TILE * d);
            FloatVector q0 = Native.broadcast(q + 4L * d);
            FloatVector q1 = Native.broadcast(q + 4L * d + 4);
            a0 = low(pairsA).fma(q0, a0);
            b0 = low(pairsB).fma(q0, b0);
            a1 = high(pairsA).fma(q1, a1);
            b1 = high(pairsB).fma(q1, b1);
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
            long pair = 4L * TILE * (d / 2);
            int shift = shiftOf(d);
            FloatVector keyA = half(Native.loadInts(a + pair), shift);
            FloatVector keyB = half(Native.loadInts(b + pair), shift);
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
        for (int row = 0; row < rows; row += ROWS) {
            long rowWeights = weights + 4L * AttentionKernel.CHUNK * row;
            for (int d = 0; d < dim; d += 2 * LANES) {
                long to = out + 4L * (dim * row + d);
                long column = valuesOffset + 4L * d;
                if (singleRows && rows - row == 1) {
                    valuesOfRow(rowWeights, tiles, column, keys, to);
                } else {
                    valuesOfRows(rowWeights, tiles, column, keys, to);
                }
            }
        }
    }

    private void valuesOfRow(long weights, long[] tiles, long column, int keys, long out) {
        FloatVector a0 = Native.load(out);
        FloatVector b0 = Native.load(out + 4L * LANES);
        FloatVector a1 = FloatVector.zero(Native.F);
        FloatVector b1 = a1;
        for (int k = 0; k < keys; k += 2) {
            long pair = tiles[k / TILE] + column + 2L * dim * (k % TILE);
            IntVector pairsA = Native.loadInts(pair);
            IntVector pairsB = Native.loadInts(pair + 4L * LANES);
            FloatVector w0 = Native.broadcast(weights + 4L * k);
            a0 = low(pairsA).fma(w0, a0);
            b0 = low(pairsB).fma(w0, b0);
            if (k + 1 < keys) {
                FloatVector w1 = Native.broadcast(weights + 4L * k + 4);
                a1 = high(pairsA).fma(w1, a1);
                b1 = high(pairsB).fma(w1, b1);
            }
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
            long pair = tiles[k / TILE] + column + 4L * dim * (k % TILE / 2);
            int shift = shiftOf(k);
            FloatVector valueA = half(Native.loadInts(pair), shift);
            FloatVector valueB = half(Native.loadInts(pair + 4L * LANES), shift);
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

    /**
     * An even element is the low half of its pair and must be shifted up; an odd one is in its
     * place.
     */
    private static int shiftOf(int index) {
        return 16 * (index + 1 & 1);
    }

    private static FloatVector half(IntVector pairs, int shift) {
        return high(pairs.lanewise(VectorOperators.LSHL, shift));
    }
}
