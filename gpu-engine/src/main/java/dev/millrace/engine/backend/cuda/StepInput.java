package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.model.ForwardInput;

/**
 * The step's integers on the device, in one copy:
 *
 * <pre>
 * tokenIds [rows] | positions [rows] | slots [rows] | block tables [seqs][stride] |
 * decode items | prefill items |
 * combined tokens | their starts | their partials
 * </pre>
 *
 * For equal rows, stride and numbers of items the addresses are equal, as replayed graphs need it.
 */
final class StepInput {
    private final PackedUpload upload;
    private final long capacityBytes;

    long tokenIds;
    long positions;
    long slots;
    long blockTables;
    int tableStride;
    long decodeItems;
    long prefillItems;
    long combineTokens;
    long combineStarts;
    long combinePartials;

    StepInput(CudaDriver driver, int capacity) {
        capacityBytes = 4L * capacity;
        upload = new PackedUpload(driver, "step input", capacityBytes);
    }

    /** Ints that the largest step takes. */
    static int capacity(AttentionPlanner.Shape shape, int maxModelLen, EngineConfig engine) {
        long seqs = engine.maxNumSeqs();
        long tokens = engine.maxNumBatchedTokens();
        long items = AttentionPlanner.maxItems(shape, (int) tokens, (int) seqs);
        long partials = AttentionPlanner.maxPartials(shape, (int) seqs);
        long longest = engine.maxModelLen() == 0 ? maxModelLen : engine.maxModelLen();
        long tables =
                Math.max(seqs, shape.config().graphRowsMax())
                        * Math.ceilDiv(longest, shape.blockSize());
        long padding = 64L + shape.config().graphRowsMax();
        long ints =
                3 * (tokens + padding)
                        + tables
                        + (items + padding) * AttentionPlan.ITEM
                        + 2 * (seqs + padding)
                        + partials;
        return Math.toIntExact(ints + 64);
    }

    /**
     * Packs a step and queues its copy.
     *
     * @param rows at least the step's tokens; rows behind them store nothing
     * @param stride blocks of a table's row, at least the longest sequence's
     */
    void upload(ForwardInput input, int rows, int stride, AttentionPlan plan) {
        upload.begin(capacityBytes);
        tokenIds = upload.ints(input.tokenIds, input.numTokens, rows, 0);
        positions = upload.ints(input.positions, input.numTokens, rows, 0);
        slots = upload.ints(input.slotMapping, input.numTokens, rows, -1);
        tableStride = stride;
        boolean oneTokenEach =
                input.numTokens == input.numSeqs; // then sequences are padded as tokens are
        blockTables =
                upload.table(
                        input.blockTables,
                        input.numSeqs,
                        stride,
                        oneTokenEach ? rows : input.numSeqs);
        decodeItems = upload.ints(plan.decode.array(), plan.decode.size());
        prefillItems = upload.ints(plan.prefill.array(), plan.prefill.size());
        combineTokens = upload.ints(plan.combineTokens.array(), plan.combined());
        combineStarts = upload.ints(plan.combineStarts.array(), plan.combineStarts.size());
        combinePartials = upload.ints(plan.combinePartials.array(), plan.combinePartials.size());
        upload.end();
    }
}
