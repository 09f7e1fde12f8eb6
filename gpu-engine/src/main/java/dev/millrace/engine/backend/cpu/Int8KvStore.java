package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.Native.LANES;

import dev.millrace.engine.kvcache.KvLayout;

import jdk.incubator.vector.FloatVector;

import java.lang.foreign.SegmentAllocator;

/**
 * Keys and values as signed bytes, element = byte * scale; each head's key of a token has a scale,
 * and so has its value: the largest magnitude is 127. One head's tile:
 *
 * <pre>
 * keys         [D][16] bytes    byte (d, t) = key element d of slot t
 * values       [16][D] bytes    byte (t, d) = value element d of slot t
 * key scales   [16] F32
 * value scales [16] F32
 * </pre>
 *
 * Elements that are not all finite have a scale of NaN, so that whatever uses them is not either.
 */
final class Int8KvStore extends CpuKvStore {
    private static final int SCALES = 2 * TILE * Float.BYTES;

    /** Bytes of the keys, and of the values. */
    private final long halfBytes;

    Int8KvStore(SegmentAllocator memory, KvLayout layout) {
        super(
                memory,
                layout,
                Byte.BYTES,
                Float.BYTES,
                2L * TILE * paddedDim(layout.headDim()) + SCALES);
        this.halfBytes = (long) TILE * paddedDim();
    }

    @Override
    public String imageFormat() {
        return "cpu int8 tiles of " + TILE + " x " + paddedDim() + " with scales";
    }

    @Override
    void put(long tile, int slot, long key, long value) {
        int column = slot % TILE;
        int headDim = layout().headDim();
        long values = tile + halfBytes + (long) column * paddedDim();
        // The key is rounded in the value's place, where its bytes lie side by side.
        float keyScale = Int8.quantiseWeights(key, values, headDim);
        for (int d = 0; d < headDim; d++) {
            Native.setByte(tile + (long) d * TILE + column, Native.getByte(values + d));
        }
        Native.setFloat(keyScales(tile) + 4L * column, keyScale);
        Native.setFloat(
                valueScales(tile) + 4L * column, Int8.quantiseWeights(value, values, headDim));
    }

    @Override
    void copySlot(long tile, int slot, long toTile, int toColumn) {
        int column = slot % TILE;
        for (int d = 0; d < paddedDim(); d++) {
            long row = (long) d * TILE;
            Native.setByte(toTile + row + toColumn, Native.getByte(tile + row + column));
        }
        Native.copy(
                tile + halfBytes + (long) column * paddedDim(),
                toTile + halfBytes + (long) toColumn * paddedDim(),
                paddedDim());
        Native.setFloat(
                keyScales(toTile) + 4L * toColumn, Native.getFloat(keyScales(tile) + 4L * column));
        Native.setFloat(
                valueScales(toTile) + 4L * toColumn,
                Native.getFloat(valueScales(tile) + 4L * column));
    }

    private long keyScales(long tile) {
        return tile + 2 * halfBytes;
    }

    private long valueScales(long tile) {
        return keyScales(tile) + TILE * Float.BYTES;
    }

    @Override
    TileLoops loops(boolean singleRows) {
        return new Int8Loops(paddedDim(), singleRows);
    }

    @Override
    void widenKeys(long tile, long to, long stride) {
        int dim = paddedDim();
        for (int slot = 0; slot < TILE; slot += LANES) {
            FloatVector scales = Native.load(keyScales(tile) + 4L * slot);
            for (int d = 0; d < dim; d++) {
                FloatVector keys = Native.loadBytes(tile + (long) TILE * d + slot);
                Native.store(keys.mul(scales), to + stride * d + 4L * slot);
            }
        }
    }

    @Override
    void widenValues(long tile, long to) {
        int dim = paddedDim();
        for (int slot = 0; slot < TILE; slot++) {
            FloatVector scale = Native.broadcast(valueScales(tile) + 4L * slot);
            long from = tile + halfBytes + (long) slot * dim;
            for (int d = 0; d < dim; d += LANES) {
                FloatVector values = Native.loadBytes(from + d);
                Native.store(values.mul(scale), to + 4L * slot * dim + 4L * d);
            }
        }
    }
}
