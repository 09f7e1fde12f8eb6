package dev.millrace.engine.backend;

/**
 * Shape of attention. A QKV row holds numQueryHeads, numKvHeads and numKvHeads heads of headDim, in
 * this order.
 *
 * @param scale multiplies q·k
 * @param slidingWindow a token sees itself and the slidingWindow - 1 tokens before it; 0 sees all
 */
public record AttentionSpec(
        int numQueryHeads, int numKvHeads, int headDim, float scale, int slidingWindow) {
    public int qkvCols() {
        return (numQueryHeads + 2 * numKvHeads) * headDim;
    }

    public int outCols() {
        return numQueryHeads * headDim;
    }
}
