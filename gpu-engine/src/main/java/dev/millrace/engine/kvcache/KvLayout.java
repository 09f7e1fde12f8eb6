package dev.millrace.engine.kvcache;

/**
 * Shape of the KV cache. A block holds {@code blockSize} token slots; slot s of block b is {@code b
 * * blockSize + s}. Per layer and slot there are {@code numKvHeads * headDim} keys and as many
 * values.
 *
 * @param numBlocks blocks per layer; all layers use the same block ids
 * @param bytesPerScale of each head's key and of its value in a slot, beside its elements; 0 where
 *     there is none
 */
public record KvLayout(
        int numBlocks,
        int blockSize,
        int numLayers,
        int numKvHeads,
        int headDim,
        int bytesPerElement,
        int bytesPerScale) {

    /** Elements without scales. */
    public KvLayout(
            int numBlocks,
            int blockSize,
            int numLayers,
            int numKvHeads,
            int headDim,
            int bytesPerElement) {
        this(numBlocks, blockSize, numLayers, numKvHeads, headDim, bytesPerElement, 0);
    }

    public long bytesPerBlock() {
        long bytesPerHead = (long) headDim * bytesPerElement + bytesPerScale;
        return 2L * numLayers * blockSize * numKvHeads * bytesPerHead;
    }

    /** The same with as many blocks as fit {@code bytes}. */
    public KvLayout fitting(long bytes) {
        int blocks = (int) Math.min(Integer.MAX_VALUE / blockSize, bytes / bytesPerBlock());
        return new KvLayout(
                blocks, blockSize, numLayers, numKvHeads, headDim, bytesPerElement, bytesPerScale);
    }

    public int slot(int blockId, int position) {
        return blockId * blockSize + position % blockSize;
    }
}
