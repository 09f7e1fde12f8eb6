package dev.millrace.engine.backend.cpu;

import static dev.millrace.engine.backend.cpu.CpuKvStore.TILE;
import static dev.millrace.engine.backend.cpu.Native.LANES;

import dev.millrace.engine.backend.AttentionSpec;

import java.lang.foreign.SegmentAllocator;

/**
 * Attention of some query tokens over one KV head, with the scratch memory of one worker. All
 * query heads of the KV head are rows of one problem: row t * group + h is head h of the group at
 * the t-th token. The keys pass in chunks: scores, {@link Softmax}, values. Few rows take loops that
 * read the cache as it lies; many take matrix products over keys and values widened to F32, which
 * run at several times the speed.
 */
final class AttentionKernel {
    /** Keys whose scores are held at a time. */
    static final int CHUNK = 128;

    /** Most rows for which the loops are used; one token's group may be more. */
    static final int ROWS = 32;

    /** Rows of a problem for matrix products: its scores still fit a core's cache. */
    static final int GEMM_ROWS = 384;

    private final AttentionSpec spec;
    private final CpuKvStore kv;
    private final int group;
    private final int dim;
    private final long qRows;
    private final long scoreRows;
    private final long outRows;
    private final long stagedTiles;
    private final long stagedTileBytes;
    private final Softmax softmax;
    private final long[] tiles;
    private final TileLoops loops;

    /** null in batch-invariant mode, as are the staged keys */
    private final AttentionGemms gemms;

    private final StagedKeys staged;

    /** Where the first chunk of keys may begin */
    private final int alignment;

    private int[] tokens;
    private int firstToken;
    private int numTokens;
    private int head;
    private long keysRead;

    /**
     * @param gemms null to compute a row in the same way however many there are
     */
    AttentionKernel(
            AttentionSpec spec, CpuKvStore kv, SegmentAllocator memory, AttentionGemms gemms) {
        boolean invariant = gemms == null;
        this.spec = spec;
        this.kv = kv;
        this.group = spec.numQueryHeads() / spec.numKvHeads();
        this.dim = kv.paddedDim();
        int rows = rowCapacity(spec, invariant);
        this.qRows = memory.allocate(4L * rows * dim, 64).address();
        this.outRows = memory.allocate(4L * rows * dim, 64).address();
        int chunk = invariant ? CHUNK : AttentionGemms.CHUNK;
        this.scoreRows = memory.allocate(4L * rows * chunk, 64).address();
        this.stagedTileBytes = kv.headTileBytes();
        this.stagedTiles =
                kv.layout().blockSize() >= TILE
                        ? 0
                        : memory.allocate(stagedTileBytes * chunk / TILE, 64).address();
        this.tiles = new long[chunk / TILE + 1];
        this.gemms = gemms;
        this.staged = invariant ? null : new StagedKeys(memory, kv);
        this.softmax = new Softmax(rows);
        this.alignment = alignment(invariant);
        this.loops = kv.loops(!invariant);
    }

    /**
     * Keys pass in chunks that begin at multiples of this. In batch-invariant mode chunks are the
     * same for all queries, for a running maximum rounds as often as there are chunks.
     */
    static int alignment(boolean invariant) {
        return invariant ? CHUNK : TILE;
    }

    AttentionSpec spec() {
        return spec;
    }

    CpuKvStore kv() {
        return kv;
    }

    /** Rows that scratch memory is for: products round rows up. */
    static int rowCapacity(AttentionSpec spec, boolean invariant) {
        int group = spec.numQueryHeads() / spec.numKvHeads();
        int step = invariant ? TileLoops.ROWS : AttentionGemms.ROW_STEP;
        return Math.ceilDiv(Math.max(invariant ? ROWS : GEMM_ROWS, group), step) * step;
    }

    /** Query tokens of one problem for which the loops are used. */
    static int fewTokens(AttentionSpec spec) {
        return Math.max(1, ROWS * spec.numKvHeads() / spec.numQueryHeads());
    }

    /** Query tokens that one problem takes at most. */
    static int mostTokens(AttentionSpec spec) {
        return Math.max(1, GEMM_ROWS * spec.numKvHeads() / spec.numQueryHeads());
    }

    /** What the problems of one call have in common; used again for the next call. */
    static final class Step {
        /** Another for each call */
        private long number;

        private CpuBuffer qkv;
        private CpuBuffer out;
        private int[] positions;
        private int layer;

        /** [token * numQueryHeads + head] running maximum after the shared keys */
        private float[] maxima = {};

        /** The same of the sums; the outputs that go with them lie in {@link #out} */
        private float[] sums = {};

        /**
         * @param rows of queries that {@link #maxima} and {@link #sums} are for
         */
        void reserve(int rows) {
            if (maxima.length < rows) {
                maxima = new float[rows];
                sums = new float[rows];
            }
        }

        void begin(CpuBuffer ofQkv, CpuBuffer ofOut, int[] ofPositions, int ofLayer) {
            number++;
            qkv = ofQkv;
            out = ofOut;
            positions = ofPositions;
            layer = ofLayer;
        }
    }

    /** Chooses the query tokens {@code tokens[first] .. tokens[end - 1]} and the KV head. */
    AttentionKernel problem(int[] tokens, int first, int end, int kvHead) {
        this.tokens = tokens;
        this.firstToken = first;
        this.numTokens = end - first;
        this.head = kvHead;
        return this;
    }

    /**
     * Attends to keys {@code from .. to - 1}, which all the tokens see, and leaves the running
     * state in the step; where {@code from} is not 0, goes on from the state there.
     */
    void sharedKeys(Step step, int[] blockTable, int from, int to) {
        begin(step, from > 0);
        attend(step, blockTable, from, to);
        for (int row = 0; row < numTokens * group; row++) {
            step.maxima[stateIndex(row)] = softmax.max(row);
            step.sums[stateIndex(row)] = softmax.sum(row);
            scaled(outRows + 4L * dim * row, 1f, outputAddress(step, row));
        }
    }

    /**
     * Attends to the keys from {@code first} on; where that is not 0, goes on from the state after
     * the keys before.
     */
    void ownKeys(Step step, int[] blockTable, int first) {
        begin(step, first > 0);
        int end = step.positions[tokens[firstToken + numTokens - 1]] + 1;
        attend(
                step,
                blockTable,
                Math.max(
                        first,
                        firstVisible(step.positions[tokens[firstToken]]) / alignment * alignment),
                end);
        for (int row = 0; row < numTokens * group; row++) {
            scaled(outRows + 4L * dim * row, 1f / softmax.sum(row), outputAddress(step, row));
        }
    }

    private void begin(Step step, boolean resumes) {
        loadQueries(step);
        Native.zero(outRows, 4L * paddedRows() * dim);
        softmax.begin(numTokens * group);
        for (int row = 0; resumes && row < numTokens * group; row++) {
            int state = stateIndex(row);
            softmax.resume(row, step.maxima[state], step.sums[state]);
            scaled(outputAddress(step, row), 1f, outRows + 4L * dim * row);
        }
    }

    /** Keys that this worker's problems have read. */
    long keysRead() {
        return keysRead;
    }

    /**
     * @param from a multiple of a tile
     */
    private void attend(Step step, int[] blockTable, int from, int end) {
        keysRead += Math.max(0, end - from);
        int rows = numTokens * group;
        boolean products = gemms != null && rows > ROWS;
        int chunk = products ? AttentionGemms.CHUNK : CHUNK;
        for (int first = from; first < end; first += chunk) {
            int keys = Math.min(chunk, end - first);
            if (products) {
                attendByProducts(step, blockTable, first, keys);
            } else {
                attendByLoops(step, blockTable, first, keys);
            }
        }
    }

    private void attendByLoops(Step step, int[] blockTable, int first, int keys) {
        int rows = numTokens * group;
        int count = collectTiles(step.layer, blockTable, first, keys);
        loops.scores(qRows, tiles, count, scoreRows, rows);
        weigh(step, first, keys, CHUNK, count * TILE);
        loops.values(scoreRows, tiles, keys, outRows, rows);
    }

    private void attendByProducts(Step step, int[] blockTable, int first, int keys) {
        int rows = numTokens * group;
        StagedKeys.Chunk chunk = staged.chunk(first);
        if (!chunk.claim(step.number, blockTable, head, first, keys)) {
            collectTiles(step.layer, blockTable, first, keys);
            staged.fill(chunk, tiles, keys);
        }
        int padded = AttentionGemms.paddedKeys(keys);
        gemms.scores(qRows, chunk.keys(), keys, scoreRows, rows);
        weigh(step, first, keys, padded, padded);
        gemms.values(scoreRows, chunk.values(), keys, outRows, rows);
    }

    /**
     * Scores become weights, each row's of the keys that it sees.
     *
     * @param stride scores from one row's first to the next's
     */
    private void weigh(Step step, int first, int keys, int stride, int padded) {
        int rows = numTokens * group;
        for (int row = 0; row < rows; row++) {
            int position = step.positions[tokens[firstToken + row / group]];
            int from = Math.min(padded, Math.max(0, firstVisible(position) - first));
            int to = Math.max(0, Math.min(keys, position + 1 - first));
            softmax.weigh(row, scoreRows + 4L * stride * row, from, to, padded);
        }
        softmax.rescale(outRows, rows, dim);
    }

    private int paddedRows() {
        return Math.ceilDiv(numTokens * group, TileLoops.ROWS) * TileLoops.ROWS;
    }

    private int stateIndex(int row) {
        return tokens[firstToken + row / group] * spec.numQueryHeads() + head * group + row % group;
    }

    private long outputAddress(Step step, int row) {
        return step.out.row(tokens[firstToken + row / group])
                + 4L * spec.headDim() * (head * group + row % group);
    }

    private int firstVisible(int position) {
        return spec.slidingWindow() == 0 ? 0 : Math.max(0, position - spec.slidingWindow() + 1);
    }

    private void loadQueries(Step step) {
        Native.zero(qRows, 4L * paddedRows() * dim);
        float scale = spec.scale() * FastExp.LOG2_E;
        long headBytes = 4L * spec.headDim();
        for (int row = 0; row < numTokens * group; row++) {
            long from =
                    step.qkv.row(tokens[firstToken + row / group])
                            + (head * group + row % group) * headBytes;
            scaled(from, scale, qRows + 4L * dim * row);
        }
    }

    private void scaled(long from, float factor, long to) {
        int i = 0;
        for (; i + LANES <= spec.headDim(); i += LANES) {
            Native.store(Native.load(from + 4L * i).mul(factor), to + 4L * i);
        }
        for (; i < spec.headDim(); i++) {
            Native.setFloat(to + 4L * i, Native.getFloat(from + 4L * i) * factor);
        }
    }

    /**
     * Looks up the tiles of keys {@code first .. first + keys - 1}; {@code first} begins a tile.
     * Blocks smaller than a tile are copied together first. One more entry repeats the last, for
     * loops that take two at a time.
     */
    private int collectTiles(int layer, int[] blockTable, int first, int keys) {
        int blockSize = kv.layout().blockSize();
        int count = Math.ceilDiv(keys, TILE);
        for (int i = 0; i < count; i++) {
            int position = first + i * TILE;
            if (blockSize >= TILE) {
                int slot = blockTable[position / blockSize] * blockSize + position % blockSize;
                tiles[i] = kv.tile(layer, head, slot);
            } else {
                tiles[i] = stagedTiles + i * stagedTileBytes;
                stageTile(
                        layer,
                        blockTable,
                        position,
                        Math.min(TILE, first + keys - position),
                        tiles[i]);
            }
        }
        tiles[count] = tiles[count - 1];
        return count;
    }

    private void stageTile(int layer, int[] blockTable, int position, int keys, long to) {
        int blockSize = kv.layout().blockSize();
        for (int k = 0; k < keys; k++) {
            int slot =
                    blockTable[(position + k) / blockSize] * blockSize + (position + k) % blockSize;
            kv.copySlot(kv.tile(layer, head, slot), slot, to, k);
        }
    }
}
