package dev.millrace.engine.backend;

/**
 * A step of attention over some cached context.
 *
 * @param contexts per sequence, tokens cached before the step
 * @param queries per sequence, tokens of the step
 */
record AttentionCase(
        int queryHeads,
        int kvHeads,
        int headDim,
        int blockSize,
        int window,
        float size,
        int[] contexts,
        int[] queries) {
    AttentionSpec spec() {
        return new AttentionSpec(
                queryHeads, kvHeads, headDim, (float) (1 / Math.sqrt(headDim)), window);
    }
}
