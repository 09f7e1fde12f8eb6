package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Keys and values in F32, one small array per layer, slot and head; blocks take memory when they
 * are first touched.
 */
final class ScalarKvStore implements KvStore {
    private final KvLayout layout;

    /** [layer][block][slot in block][key heads, then value heads][headDim] */
    private final float[][][][][] blocks;

    ScalarKvStore(KvLayout layout) {
        this.layout = layout;
        blocks = new float[layout.numLayers()][layout.numBlocks()][][][];
    }

    @Override
    public KvLayout layout() {
        return layout;
    }

    float[] key(int layer, int slot, int kvHead) {
        return heads(layer, slot)[kvHead];
    }

    float[] value(int layer, int slot, int kvHead) {
        return heads(layer, slot)[layout.numKvHeads() + kvHead];
    }

    @Override
    public long imageBytes() {
        return layout.bytesPerBlock();
    }

    @Override
    public String imageFormat() {
        return "scalar f32";
    }

    @Override
    public MemorySegment hostMemory(long bytes) {
        return Arena.ofAuto().allocate(bytes, 64);
    }

    @Override
    public void exportBlock(int block, MemorySegment image) {
        long at = 0;
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            for (int i = 0; i < layout.blockSize(); i++) {
                for (float[] head : heads(layer, layout.slot(block, i))) {
                    MemorySegment.copy(head, 0, image, ValueLayout.JAVA_FLOAT, at, head.length);
                    at += 4L * head.length;
                }
            }
        }
    }

    @Override
    public void importBlock(int block, MemorySegment image) {
        long at = 0;
        for (int layer = 0; layer < layout.numLayers(); layer++) {
            for (int i = 0; i < layout.blockSize(); i++) {
                for (float[] head : heads(layer, layout.slot(block, i))) {
                    MemorySegment.copy(image, ValueLayout.JAVA_FLOAT, at, head, 0, head.length);
                    at += 4L * head.length;
                }
            }
        }
    }

    /** Copies are made at once here. */
    @Override
    public void settle() {}

    private float[][] heads(int layer, int slot) {
        int block = slot / layout.blockSize();
        if (blocks[layer][block] == null) {
            blocks[layer][block] =
                    new float[layout.blockSize()][2 * layout.numKvHeads()][layout.headDim()];
        }
        return blocks[layer][block][slot % layout.blockSize()];
    }
}
