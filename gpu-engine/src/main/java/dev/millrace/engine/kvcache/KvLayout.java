package dev.millrace.engine.kvcache;

/**
 * Shape of the KV cache. A block holds {@code blockSize} token slots; slot s of block b is {@code b
 * * blockSize + s}. Per layer and slot there are {@code numKvHeads * headDim} keys and as many
 * values.
 *
 * @param numBlocks blocks per layer; all layers use the same block ids
 */
public record KvLayout(
        int numBlocks,
        int blockSize,
        int numLayers,
        int numKvHeads,
        int headDim,
        int bytesPerElement) {

    public long bytesPerBlock() {
        return 2L * numLayers * blockSize * numKvHeads * headDim * bytesPerElement;
    }

    /** How many blocks fit {@code bytes}. */
    public static int blocksIn(
            long bytes,
            int blockSize,
            int numLayers,
            int numKvHeads,
            int headDim,
            int bytesPerElement) {
        long perBlock =
                new KvLayout(1, blockSize, numLayers, numKvHeads, headDim, bytesPerElement)
                        .bytesPerBlock();
        return (int) Math.min(Integer.MAX_VALUE / blockSize, bytes / perBlock);
    }

    public int slot(int blockId, int position) {
        return blockId * blockSize + position % blockSize;
    }
}
