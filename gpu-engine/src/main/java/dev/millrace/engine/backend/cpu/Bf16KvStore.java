package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.kvcache.KvLayout;

import java.lang.foreign.SegmentAllocator;

/**
 * Keys and values in BF16. One head's tile:
 *
 * <pre>
 * keys   [D / 2][16] pairs   pair (d, t) = key elements 2d and 2d + 1 of slot t
 *        t0      t1     …  t15
 *     0 (k0,k1) (k0,k1) …             one load = 16 slots, and their scores add up side by side
 *     1 (k2,k3) (k2,k3) …
 *
 * values [8][D] pairs        pair (t, d) = value elements d of slots 2t and 2t + 1
 *        d0      d1     …
 *     0 (v0,v1) (v0,v1) …             one load = 16 elements of two slots
 *     1 (v2,v3) (v2,v3) …
 * </pre>
 *
 * Keys and values are D * 32 bytes each and lie side by side. A pair is one int, its first element
 * in the low half: the order in which BF16 dot products take their operands, too.
 */
final class Bf16KvStore extends CpuKvStore {
    /** Bytes of the keys, after which the values begin. */
    private final long valuesOffset;

    Bf16KvStore(SegmentAllocator memory, KvLayout layout) {
        super(memory, layout, Short.BYTES, 0, 4L * TILE * paddedDim(layout.headDim()));
        this.valuesOffset = headTileBytes() / 2;
    }

    @Override
    public String imageFormat() {
        return "cpu bf16 tiles of " + TILE + " x " + paddedDim();
    }

    @Override
    void put(long tile, int slot, long key, long value) {
        int column = slot % TILE;
        long pairs = tile + 4L * column;
        int headDim = layout().headDim();
        for (int d = 0; d + 1 < headDim; d += 2) {
            int pair =
                    Bf16.round(Native.getFloat(key + 4L * d))
                            | Bf16.round(Native.getFloat(key + 4L * d + 4)) << 16;
            Native.setInt(pairs + 2L * d * TILE, pair);
        }
        long values = valuesOf(tile, column);
        for (int d = 0; d < headDim; d++) {
            Native.setShort(values + 4L * d, (short) Bf16.round(Native.getFloat(value + 4L * d)));
        }
    }

    @Override
    void copySlot(long tile, int slot, long toTile, int toColumn) {
        int column = slot % TILE;
        for (int d = 0; d < paddedDim(); d += 2) {
            Native.setInt(
                    toTile + 2L * d * TILE + 4L * toColumn,
                    Native.getInt(tile + 2L * d * TILE + 4L * column));
        }
        long from = valuesOf(tile, column);
        long to = valuesOf(toTile, toColumn);
        for (int d = 0; d < paddedDim(); d++) {
            Native.setShort(to + 4L * d, Native.getShort(from + 4L * d));
        }
    }

    /** Address of a column's first value; the next is 4 bytes on. */
    private long valuesOf(long tile, int column) {
        return tile + valuesOffset + 4L * (column / 2) * paddedDim() + 2 * (column % 2);
    }

    @Override
    TileLoops loops(boolean singleRows) {
        return new Bf16Loops(paddedDim(), valuesOffset, singleRows);
    }

    @Override
    void widenKeys(long tile, long to, long stride) {
        Bf16.widenPairs(tile, to, paddedDim() / 2, TILE, stride);
    }

    @Override
    void widenValues(long tile, long to) {
        int dim = paddedDim();
        Bf16.widenPairs(tile + valuesOffset, to, TILE / 2, dim, 4L * dim);
    }
}
