package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.KvStore;
import dev.millrace.engine.kvcache.KvLayout;

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

    private float[][] heads(int layer, int slot) {
        int block = slot / layout.blockSize();
        if (blocks[layer][block] == null) {
            blocks[layer][block] =
                    new float[layout.blockSize()][2 * layout.numKvHeads()][layout.headDim()];
        }
        return blocks[layer][block][slot % layout.blockSize()];
    }
}
