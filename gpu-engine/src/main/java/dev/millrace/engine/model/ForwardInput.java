package dev.millrace.engine.model;

/**
 * What one step computes, as flat arrays that are allocated once and refilled. T tokens of S
 * sequences, the tokens of a sequence side by side. Written by the scheduler, read by devices.
 */
public final class ForwardInput {
    public int numTokens;
    public int numSeqs;

    /** [T] */
    public final int[] tokenIds;

    /** [T] position of the token in its sequence */
    public final int[] positions;

    /** [T] where the token's KV goes: blockId * blockSize + offset in block */
    public final int[] slotMapping;

    /**
     * [S + 1] prefix sums of query lengths: sequence s owns tokens cuSeqlensQ[s] .. cuSeqlensQ[s +
     * 1] - 1
     */
    public final int[] cuSeqlensQ;

    /** [S] tokens visible to the sequence's last query token, itself included */
    public final int[] contextLens;

    /** [S][at least ceil(contextLen / blockSize)] logical block to block id */
    public final int[][] blockTables;

    /** [R] token rows whose logits are wanted, ascending */
    public final int[] logitRows;

    public int numLogitRows;

    public ForwardInput(int maxNumBatchedTokens, int maxNumSeqs) {
        tokenIds = new int[maxNumBatchedTokens];
        positions = new int[maxNumBatchedTokens];
        slotMapping = new int[maxNumBatchedTokens];
        cuSeqlensQ = new int[maxNumSeqs + 1];
        contextLens = new int[maxNumSeqs];
        blockTables = new int[maxNumSeqs][];
        logitRows = new int[maxNumBatchedTokens];
    }

    public int queryLen(int seq) {
        return cuSeqlensQ[seq + 1] - cuSeqlensQ[seq];
    }
}
