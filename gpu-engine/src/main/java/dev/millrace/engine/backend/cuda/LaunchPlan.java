package dev.millrace.engine.backend.cuda;

/**
 * How a kernel is launched: pure functions from shapes to grid, block and dynamic shared memory, by
 * the table in {@code cuda/README.md} beside the kernels.
 *
 * @param gridX blocks, at least 1
 * @param gridY blocks in the second direction, at least 1
 * @param block threads of a block
 * @param sharedBytes dynamic shared memory of a block
 */
public record LaunchPlan(int gridX, int gridY, int block, int sharedBytes) {
    /** Most blocks that a device takes in the second direction. */
    private static final int GRID_Y_MAX = 65_535;

    private static final int ROW_BLOCK = 256;
    private static final int TILE = 64;
    private static final int TILE_COLS = 128;
    private static final int GEMM_SHARED = 46_080;
    private static final int WARP_GROUP_RING = 4;

    public LaunchPlan {
        if (gridX < 1
                || gridY < 1
                || gridY > GRID_Y_MAX
                || block < 1
                || block > 1024
                || sharedBytes < 0) {
            throw new IllegalArgumentException(
                    "no device takes a launch of grid "
                            + gridX
                            + " x "
                            + gridY
                            + ", block "
                            + block
                            + ", shared memory "
                            + sharedBytes);
        }
    }

    /** One block per row: embedding, gathering, conversions, rope, masks. */
    static LaunchPlan rows(int rows) {
        return new LaunchPlan(rows, 1, ROW_BLOCK, 0);
    }

    /** One block per row that reduces over it. */
    static LaunchPlan reducedRows(int rows) {
        return new LaunchPlan(rows, 1, ROW_BLOCK, 128);
    }

    /**
     * One block per row that keeps it in shared memory as BF16: RMSNorm, SiLU and quantisation per
     * token.
     */
    static LaunchPlan keptRows(int rows, int cols) {
        return new LaunchPlan(rows, 1, ROW_BLOCK, 2 * cols + 128);
    }

    /** One thread per element. */
    static LaunchPlan elements(int count) {
        return new LaunchPlan(Math.ceilDiv(count, ROW_BLOCK), 1, ROW_BLOCK, 0);
    }

    /** One block per work item and KV head; shared memory holds the ring of KV tiles. */
    static LaunchPlan attention(boolean decode, boolean fp8, int headDim, int items, int kvHeads) {
        checkHeads(headDim);
        int shared;
        if (!fp8) {
            shared = headDim == 64 ? 36_864 : 69_632;
        } else if (decode) {
            shared = headDim == 64 ? 40_960 : 73_728;
        } else {
            shared = headDim == 64 ? 20_480 : 36_864;
        }
        return new LaunchPlan(items, kvHeads, 128, shared);
    }

    /**
     * Prefill attention by warp groups: one block per work item of 128 rows and KV head. Shared
     * memory holds these rows, a ring of four units of 128 tokens in 16 bits, for an FP8 cache the
     * same as it comes, and eight barriers.
     */
    static LaunchPlan attentionByWarpGroups(boolean fp8, int headDim, int items, int kvHeads) {
        checkHeads(headDim);
        int units = WARP_GROUP_RING * 128 * headDim * (fp8 ? 3 : 2);
        int shared = 128 * headDim * 2 + units + 2 * WARP_GROUP_RING * Long.BYTES;
        return new LaunchPlan(items, kvHeads, 3 * 128, shared);
    }

    private static void checkHeads(int headDim) {
        if (headDim != 64 && headDim != 128) {
            throw new IllegalArgumentException(
                    "attention kernels are made for heads of 64 or 128, not " + headDim);
        }
    }

    /** One block per token and query head. */
    static LaunchPlan combine(int tokens, int queryHeads) {
        return new LaunchPlan(tokens, queryHeads, 64, 0);
    }

    /** Tiles of 64 rows and 128 columns. */
    static LaunchPlan gemm(int rows, int outFeatures) {
        int columns = Math.ceilDiv(outFeatures, TILE_COLS);
        return new LaunchPlan(columns, Math.ceilDiv(rows, TILE), 128, GEMM_SHARED);
    }

    /** Tiles of 128 columns and, over all experts, at most {@link #expertTiles} of 64 rows. */
    static LaunchPlan expertGemm(int assignments, int experts, int outFeatures) {
        int columns = Math.ceilDiv(outFeatures, TILE_COLS);
        return new LaunchPlan(columns, expertTiles(assignments, experts), 128, GEMM_SHARED);
    }

    /**
     * The same tiles by a warp group each. Shared memory holds a ring of four units: 128 bytes of
     * each of the tile's rows and columns.
     */
    static LaunchPlan expertGemmByWarpGroups(int assignments, int experts, int outFeatures) {
        LaunchPlan plan = expertGemm(assignments, experts, outFeatures);
        int shared = WARP_GROUP_RING * (TILE + TILE_COLS) * 128;
        return new LaunchPlan(plan.gridX, plan.gridY, plan.block, shared);
    }

    /** Each expert may leave one tile partly filled. */
    static int expertTiles(int assignments, int experts) {
        return Math.ceilDiv(assignments, TILE) + experts;
    }

    /** Eight tokens per block. */
    static LaunchPlan expertRouter(int tokens) {
        return new LaunchPlan(Math.ceilDiv(tokens, 8), 1, ROW_BLOCK, 0);
    }

    static LaunchPlan expertRoute(int tokens, int experts) {
        return new LaunchPlan(Math.ceilDiv(tokens, 4), 1, 128, 16 * experts);
    }

    /** Counts assignments per chunk of 256. */
    static LaunchPlan expertCount(int assignments, int experts) {
        return new LaunchPlan(Math.ceilDiv(assignments, ROW_BLOCK), 1, ROW_BLOCK, 4 * experts);
    }

    static LaunchPlan expertOffsets(int experts) {
        return new LaunchPlan(1, 1, 1024, 8 * experts + 8);
    }

    static LaunchPlan expertPlace(int assignments) {
        return new LaunchPlan(Math.ceilDiv(assignments, ROW_BLOCK), 1, ROW_BLOCK, 1024);
    }

    /** One block per row of logits. */
    static LaunchPlan logits(int rows, int sharedBytes) {
        return new LaunchPlan(rows, 1, ROW_BLOCK, sharedBytes);
    }

    /** One block per row of logits that draws a token. */
    static LaunchPlan sample(int rows, int vocabulary) {
        return logits(rows, 4608 + 8 * Math.ceilDiv(vocabulary, 1024));
    }
}
