package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.api.KvFormat;
import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * The KV cache, laid out for {@link AttentionKernel}. Sixteen slots form a tile; slot s is column s
 * % 16 of tile s / 16, so a block of 16 or more slots is whole tiles. D is the head dimension,
 * rounded up to 32 with zeros.
 *
 * <pre>
 * layer → tile → KV head → what the format keeps of 16 keys and 16 values
 * </pre>
 *
 * What that is, {@link Bf16KvStore} and {@link Int8KvStore} say.
 */
abstract class CpuKvStore implements KvStore {
    /** Slots in a tile. */
    static final int TILE = 16;

    private static final int DIM_STEP = 32;

    private final SegmentAllocator memory;
    private final KvLayout layout;
    private final int paddedDim;
    private final long address;
    private final long headTileBytes;
    private final long tileStride;
    private final long layerStride;

    /**
     * @param bytesPerElement and {@code bytesPerScale}: the format's, which must be the layout's
     * @param headTileBytes of one head's 16 keys and values; a multiple of 64
     */
    CpuKvStore(
            SegmentAllocator memory,
            KvLayout layout,
            int bytesPerElement,
            int bytesPerScale,
            long headTileBytes) {
        if (layout.bytesPerElement() != bytesPerElement || layout.bytesPerScale() != bytesPerScale) {
            throw new IllegalArgumentException(
                    "the cpu device keeps KV in %d bytes and scales in %d, the layout has %d and %d"
                            .formatted(
                                    bytesPerElement,
                                    bytesPerScale,
                                    layout.bytesPerElement(),
                                    layout.bytesPerScale()));
        }
        this.memory = memory;
        this.layout = layout;
        this.paddedDim = paddedDim(layout.headDim());
        this.headTileBytes = headTileBytes;
        this.tileStride = headTileBytes * layout.numKvHeads();
        long slots = (long) layout.numBlocks() * layout.blockSize();
        this.layerStride = Math.ceilDiv(slots, TILE) * tileStride;
        this.address = memory.allocate(layerStride * layout.numLayers(), 64).address();
    }

    static CpuKvStore of(KvFormat format, SegmentAllocator memory, KvLayout layout) {
        return switch (format) {
            case BF16 -> new Bf16KvStore(memory, layout);
            case INT8 -> new Int8KvStore(memory, layout);
        };
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

    /** Bytes of one head's tile, keys and values. */
    long headTileBytes() {
        return headTileBytes;
    }

    /** Address of one head's part of the tile that holds a slot. */
    long tile(int layer, int kvHead, int slot) {
        return address
                + layer * layerStride
                + slot / TILE * tileStride
                + kvHead * headTileBytes;
    }

    /** Stores a key and a value of one head, given as F32. */
    abstract void put(long tile, int slot, long key, long value);

    /** Copies one slot's key and value into a column of another tile of the same shape. */
    abstract void copySlot(long tile, int slot, long toTile, int toColumn);

    /**
     * The products of attention over tiles as they lie.
     *
     * @param singleRows a row that is left over is computed alone, which sums in another order
     */
    abstract TileLoops loops(boolean singleRows);

    /**
     * Writes a tile's keys as F32, a row of 16 for each of the D dimensions.
     *
     * @param stride bytes from one dimension's keys to the next's
     */
    abstract void widenKeys(long tile, long to, long stride);

    /** Writes a tile's values as F32 [16][D]. */
    abstract void widenValues(long tile, long to);

    /** A block of less than a tile is exported as one tile of which only its columns count. */
    @Override
    public long imageBytes() {
        return layout.numLayers() * imageLayerBytes();
    }

    @Override
    public MemorySegment hostMemory(long bytes) {
        return memory.allocate(bytes, 64);
    }

    @Override
    public void exportBlock(int block, MemorySegment image) {
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            long at = image.address() + layer * imageLayerBytes();
            int slot = layout.slot(block, 0);
            if (layout.blockSize() >= TILE) {
                Native.copy(tile(layer, 0, slot), at, imageLayerBytes());
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
                Native.copy(at, tile(layer, 0, slot), imageLayerBytes());
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

    private void copyColumns(int layer, int slot, long image, boolean export) {
        for (int head = 0; head < layout.numKvHeads(); head++) {
            long inImage = image + head * headTileBytes;
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
