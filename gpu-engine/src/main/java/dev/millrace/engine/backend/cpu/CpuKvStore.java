package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The KV cache in BF16, laid out for {@link AttentionKernel}. Sixteen slots form a tile; slot s is
 * column s % 16 of tile s / 16, so a block of 16 or more slots is whole tiles. D is the head
 * dimension, rounded up to 32 with zeros.
 *
 * <pre>
 * layer → tile → KV head → [ keys | values ]
 *
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
 * Keys and values of a tile are D * 32 bytes each and lie side by side. A pair is one int, its
 * first element in the low half: the order in which BF16 dot products take their operands, too.
 */
final class CpuKvStore implements KvStore {
    /** Slots in a tile. */
    static final int TILE = 16;

    private static final int DIM_STEP = 32;

    private final Arena arena;
    private final KvLayout layout;
    private final int paddedDim;
    private final long address;
    private final long halfTileBytes;
    private final long tileStride;
    private final long layerStride;

    CpuKvStore(Arena arena, KvLayout layout) {
        if (layout.bytesPerElement() != Short.BYTES) {
            throw new IllegalArgumentException(
                    "the cpu device keeps KV in 2 bytes, the layout has "
                            + layout.bytesPerElement());
        }
        this.arena = arena;
        this.layout = layout;
        this.paddedDim = paddedDim(layout.headDim());
        this.halfTileBytes = paddedDim * TILE * (long) Short.BYTES;
        this.tileStride = 2 * halfTileBytes * layout.numKvHeads();
        long slots = (long) layout.numBlocks() * layout.blockSize();
        this.layerStride = Math.ceilDiv(slots, TILE) * tileStride;
        this.address = arena.allocate(layerStride * layout.numLayers(), 64).address();
    }

    /** D for a head dimension. */
    static int paddedDim(int headDim) {
        return Math.ceilDiv(headDim, DIM_STEP) * DIM_STEP;
    }

    @Override
    public KvLayout layout() {
        return layout;
    }

    int paddedDim() {
        return paddedDim;
    }

    /** Bytes from a tile's keys to its values. */
    long valuesOffset() {
        return halfTileBytes;
    }

    /** Address of the keys of the tile that holds a slot. */
    long tile(int layer, int kvHead, int slot) {
        return address
                + layer * layerStride
                + slot / TILE * tileStride
                + kvHead * 2 * halfTileBytes;
    }

    /** Stores a key and a value of one head, given as F32. */
    void put(long tile, int slot, long key, long value) {
        int column = slot % TILE;
        long pairs = tile + 4L * column;
        int headDim = layout.headDim();
        for (int d = 0; d + 1 < headDim; d += 2) {
            int pair =
                    Bf16.round(Native.getFloat(key + 4L * d))
                            | Bf16.round(Native.getFloat(key + 4L * d + 4)) << 16;
            Native.setInt(pairs + 2L * d * TILE, pair);
        }
        long values = tile + halfTileBytes + 4L * (column / 2) * paddedDim + 2 * (column % 2);
        for (int d = 0; d < headDim; d++) {
            Native.setShort(values + 4L * d, (short) Bf16.round(Native.getFloat(value + 4L * d)));
        }
    }

    /** Copies one slot's key and value into a column of another tile of the same shape. */
    void copySlot(long tile, int slot, long toTile, int toColumn) {
        int column = slot % TILE;
        for (int d = 0; d < paddedDim; d += 2) {
            Native.setInt(
                    toTile + 2L * d * TILE + 4L * toColumn,
                    Native.getInt(tile + 2L * d * TILE + 4L * column));
        }
        long from = tile + halfTileBytes + 4L * (column / 2) * paddedDim + 2 * (column % 2);
        long to = toTile + halfTileBytes + 4L * (toColumn / 2) * paddedDim + 2 * (toColumn % 2);
        for (int d = 0; d < paddedDim; d++) {
            Native.setShort(to + 4L * d, Native.getShort(from + 4L * d));
        }
    }

    /** A block of less than a tile is exported as one tile of which only its columns count. */
    @Override
    public long imageBytes() {
        return layout.numLayers() * imageLayerBytes();
    }

    @Override
    public String imageFormat() {
        return "cpu bf16 tiles of " + TILE + " x " + paddedDim;
    }

    @Override
    public MemorySegment hostMemory(long bytes) {
        return arena.allocate(bytes, 64);
    }

    @Override
    public void exportBlock(int block, MemorySegment image) {
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            long at = image.address() + layer * imageLayerBytes();
            int slot = layout.slot(block, 0);
            if (layout.blockSize() >= TILE) {
                copy(tile(layer, 0, slot), at, imageLayerBytes());
            } else {
                copyColumns(layer, slot, at, true);
            }
        }
    }

    @Override
    public void importBlock(int block, MemorySegment image) {
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            long at = image.address() + layer * imageLayerBytes();
            int slot = layout.slot(block, 0);
            if (layout.blockSize() >= TILE) {
                copy(at, tile(layer, 0, slot), imageLayerBytes());
            } else {
                copyColumns(layer, slot, at, false);
            }
        }
    }

    /** Copies are made at once here. */
    @Override
    public void settle() {}

    private long imageLayerBytes() {
        return Math.ceilDiv(layout.blockSize(), TILE) * tileStride;
    }

    private static void copy(long from, long to, long bytes) {
        MemorySegment.copy(Native.ALL, from, Native.ALL, to, bytes);
    }

    private void copyColumns(int layer, int slot, long image, boolean export) {
        for (int head = 0; head < layout.numKvHeads(); head++) {
            long inImage = image + head * 2 * halfTileBytes;
            long inStore = tile(layer, head, slot);
            for (int i = 0; i < layout.blockSize(); i++) {
                int column = (slot + i) % TILE;
                if (export) {
                    copySlot(inStore, column, inImage, i);
                } else {
                    copySlot(inImage, i, inStore, column);
                }
            }
        }
    }
}
