package dev.millrace.engine.backend.scalar;

/**
 * The keys and values that one query head of one token may see, found through the sequence's block table.
 *
 * @param first the first position in view: 0, or where the sliding window begins
 * @param end one behind the last, which is the query's own
 */
record KvView(ScalarKvStore kv, int layer, int kvHead, int[] blockTable, int first, int end) {

    int length() {
        return end - first;
    }

    int headDim() {
        return kv.layout().headDim();
    }

    float[] key(int index) {
        return kv.key(layer, slot(first + index), kvHead);
    }

    float[] value(int index) {
        return kv.value(layer, slot(first + index), kvHead);
    }

    private int slot(int position) {
        return kv.layout().slot(blockTable[position / kv.layout().blockSize()], position);
    }
}
