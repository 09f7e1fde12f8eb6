package dev.millrace.engine.model;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.backend.Backend;
import dev.millrace.engine.kvcache.KvLayout;

/**
 * What a loaded model has room for.
 *
 * @param maxModelLen most tokens of a sequence
 * @param maxNumBatchedTokens most tokens of a step
 * @param maxLogitRows rows of logits computed at a time; a step that wants more takes turns
 */
record ModelCapacity(
        int maxModelLen, int maxNumBatchedTokens, int maxLogitRows, KvLayout kvLayout) {
    /**
     * Bounds the memory for logits: a prompt's worth of rows over a large vocabulary would take
     * gigabytes.
     */
    private static final long MAX_LOGIT_BYTES = 64L << 20;

    /**
     * Sizes the KV cache: {@code kvCacheBytes / bytesPerBlock} blocks. A context length of 0 takes
     * the checkpoint's, or less where the cache holds less.
     *
     * @param backend says how many bytes a key or value takes
     * @throws ModelLoadException if the wanted context is longer than the checkpoint's, or than the
     *     cache
     */
    static ModelCapacity of(ModelConfig config, EngineConfig engine, Backend backend) {
        KvLayout layout =
                new KvLayout(
                                1,
                                engine.blockSize(),
                                config.numLayers(),
                                config.numKvHeads(),
                                config.headDim(),
                                backend.kvBytesPerElement(),
                                backend.kvBytesPerScale())
                        .fitting(engine.kvCacheBytes());
        int numBlocks = layout.numBlocks();
        int longest = config.maxPositionEmbeddings();
        if (engine.maxModelLen() > longest) {
            throw new ModelLoadException(
                    "maxModelLen "
                            + engine.maxModelLen()
                            + " is above the checkpoint's max_position_embeddings, "
                            + longest);
        }
        int wanted = engine.maxModelLen() > 0 ? engine.maxModelLen() : longest;
        long slots = (long) numBlocks * engine.blockSize();
        if (numBlocks == 0 || engine.maxModelLen() > slots) {
            int atLeast = Math.max(1, engine.maxModelLen());
            long needed = Math.ceilDiv(atLeast, engine.blockSize()) * layout.bytesPerBlock();
            throw new ModelLoadException(
                    "kvCacheBytes "
                            + engine.kvCacheBytes()
                            + " has room for "
                            + slots
                            + " tokens; a sequence of "
                            + atLeast
                            + " needs "
                            + needed
                            + " bytes");
        }
        int maxNumBatchedTokens = engine.maxNumBatchedTokens();
        int maxLogitRows =
                (int)
                        Math.clamp(
                                MAX_LOGIT_BYTES / Float.BYTES / config.vocabSize(),
                                1,
                                maxNumBatchedTokens);
        return new ModelCapacity(
                (int) Math.min(wanted, slots), maxNumBatchedTokens, maxLogitRows, layout);
    }

    /** The formula with its numbers, for the log. */
    String describe(long kvCacheBytes) {
        String scale =
                kvLayout.bytesPerScale() == 0
                        ? ""
                        : " + scales of %d bytes".formatted(kvLayout.bytesPerScale());
        return ("KV cache: %,d bytes / (2 x %d layers x %d slots x %d heads x (%d x %d bytes%s)"
                + " = %,d per block) = %,d blocks, %,d tokens")
                .formatted(
                        kvCacheBytes,
                        kvLayout.numLayers(),
                        kvLayout.blockSize(),
                        kvLayout.numKvHeads(),
                        kvLayout.headDim(),
                        kvLayout.bytesPerElement(),
                        scale,
                        kvLayout.bytesPerBlock(),
                        kvLayout.numBlocks(),
                        (long) kvLayout.numBlocks() * kvLayout.blockSize());
    }
}
