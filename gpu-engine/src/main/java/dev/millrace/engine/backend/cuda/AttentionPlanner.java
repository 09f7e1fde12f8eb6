package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.backend.cuda.AttentionPlan.Item;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelConfig;

/**
 * Cuts a step's attention into work for thread blocks, on the host: one item per 16 query rows for
 * decode, per 64 or 128 for prefill; long contexts of few sequences are split (Flash-Decoding), and a
 * prefix that neighbours share is read once for all of them (Hydragen, arXiv 2402.05099). Pure:
 * depends on the step's shape and block tables alone.
 */
final class AttentionPlanner {
    /** Query rows of a decode item. */
    static final int DECODE_ROWS = 16;

    /** Query rows of a prefill item, without and with warp groups. */
    private static final int PREFILL_ROWS = 64;

    private static final int WARP_GROUP_ROWS = 128;

    /** Thread blocks that should be at work at once, per multiprocessor. */
    private static final int BLOCKS_PER_MULTIPROCESSOR = 2;

    private final Shape shape;
    private final AttentionPlan plan = new AttentionPlan();

    /**
     * What the planner knows of model and device.
     *
     * @param group query heads per KV head
     * @param window sliding window of every layer; 0 for none; -1 where layers differ
     * @param multiprocessors of the device
     * @param warpGroups whether prefill runs by Hopper's kernels, whose items have more rows
     */
    record Shape(
            int group,
            int kvHeads,
            int blockSize,
            int window,
            int multiprocessors,
            boolean warpGroups,
            CudaConfig config) {
        /** A window must hold for all layers to be used when the work is cut. */
        static Shape of(
                ModelConfig model, int blockSize, DeviceProperties device, CudaConfig config) {
            int[] windows =
                    model.layers().stream()
                            .mapToInt(ModelConfig.Layer::slidingWindow)
                            .distinct()
                            .toArray();
            int group = model.numQueryHeads() / model.numKvHeads();
            int window = windows.length == 1 ? windows[0] : -1;
            return new Shape(
                    group,
                    model.numKvHeads(),
                    blockSize,
                    window,
                    device.multiprocessors(),
                    device.hasWarpGroups(),
                    config);
        }

        /** Query rows of a prefill item. */
        int prefillRows() {
            return warpGroups ? WARP_GROUP_ROWS : PREFILL_ROWS;
        }

        int targetBlocks() {
            return multiprocessors * BLOCKS_PER_MULTIPROCESSOR;
        }

        /** Most items beyond one per sequence that splitting may make. */
        int extraItems() {
            return 2 * Math.ceilDiv(targetBlocks(), kvHeads);
        }
    }

    AttentionPlanner(Shape shape) {
        this.shape = shape;
    }

    /** Most partial rows that a step of so many sequences can have. */
    static int maxPartials(Shape shape, int maxSeqs) {
        return 3 * maxSeqs + shape.extraItems();
    }

    /** Most work items, decode and prefill together. */
    static int maxItems(Shape shape, int maxTokens, int maxSeqs) {
        return 3 * maxSeqs
                + shape.extraItems()
                + Math.ceilDiv(maxTokens * shape.group(), shape.prefillRows());
    }

    /** The plan of a step; valid until the next call. */
    AttentionPlan plan(ForwardInput input) {
        plan.clear();
        int chunk = chunkTokens(input);
        int seq = 0;
        while (seq < input.numSeqs) {
            int neighbours = sharedPrefix(input, seq);
            if (neighbours > 1) {
                planShared(input, seq, neighbours, chunk);
                seq += neighbours;
                continue;
            }
            if (isDecode(input, seq)) {
                planDecode(input, seq, firstVisible(input, seq), chunk, -1);
            } else {
                planPrefill(input, seq);
            }
            seq++;
        }
        return plan;
    }

    private boolean isDecode(ForwardInput input, int seq) {
        return input.queryLen(seq) * shape.group() <= DECODE_ROWS;
    }

    /** KV tokens of an item, so that the decode sequences' items fill the device about evenly. */
    private int chunkTokens(ForwardInput input) {
        long tokens = 0;
        for (int seq = 0; seq < input.numSeqs; seq++) {
            tokens += isDecode(input, seq) ? input.contextLens[seq] - firstVisible(input, seq) : 0;
        }
        long even = Math.ceilDiv(tokens * shape.kvHeads(), shape.targetBlocks());
        long blocks =
                Math.ceilDiv(Math.max(even, shape.config().splitTokensMin()), shape.blockSize());
        return (int) Math.min(Integer.MAX_VALUE / 2, blocks * shape.blockSize());
    }

    /** Where a window alone decides, positions before it need not be read. */
    private int firstVisible(ForwardInput input, int seq) {
        if (shape.window() <= 0) {
            return 0;
        }
        int first = input.contextLens[seq] - input.queryLen(seq) + 1 - shape.window();
        return Math.max(0, first) / shape.blockSize() * shape.blockSize();
    }

    /**
     * Items of a sequence from {@code kvBegin} on; with {@code shared} ≥ 0 a partial row that is
     * merged with them.
     */
    private void planDecode(ForwardInput input, int seq, int kvBegin, int chunk, int shared) {
        int begin = input.cuSeqlensQ[seq];
        int end = input.cuSeqlensQ[seq + 1];
        int length = input.contextLens[seq];
        int visibleBase = length - (end - begin) + 1;
        // Only single tokens are split, so that partial rows are as few as sequences and splits.
        int parts = end - begin > 1 ? 1 : Math.max(1, Math.ceilDiv(length - kvBegin, chunk));
        if (parts == 1 && shared < 0) {
            new Item(seq, begin, end, 0, kvBegin, length, visibleBase, -1).addTo(plan.decode);
            return;
        }
        int firstPartial = plan.numPartials;
        for (int part = 0; part < parts; part++) {
            int from = kvBegin + part * chunk;
            int to = part == parts - 1 ? length : from + chunk;
            new Item(seq, begin, end, 0, from, to, visibleBase, plan.numPartials)
                    .addTo(plan.decode);
            plan.numPartials += end - begin;
        }
        for (int token = begin; token < end; token++) {
            plan.combineTokens.add(token);
            if (shared >= 0) {
                plan.combinePartials.add(shared + token - begin);
            }
            for (int part = 0; part < parts; part++) {
                plan.combinePartials.add(firstPartial + part * (end - begin) + token - begin);
            }
            plan.combineStarts.add(plan.combinePartials.size());
        }
    }

    private void planPrefill(ForwardInput input, int seq) {
        int begin = input.cuSeqlensQ[seq];
        int end = input.cuSeqlensQ[seq + 1];
        int length = input.contextLens[seq];
        int visibleBase = length - (end - begin) + 1;
        int rows = (end - begin) * shape.group();
        for (int first = 0; first < rows; first += shape.prefillRows()) {
            int lastToken = Math.min(rows - 1, first + shape.prefillRows() - 1) / shape.group();
            int firstToken = first / shape.group();
            int kvBegin =
                    shape.window() <= 0
                            ? 0
                            : Math.max(0, visibleBase + firstToken - shape.window());
            int fromBlock = kvBegin / shape.blockSize() * shape.blockSize();
            new Item(seq, begin, end, first, fromBlock, visibleBase + lastToken, visibleBase, -1)
                    .addTo(plan.prefill);
        }
    }

    /**
     * How many sequences from this one on are single decode tokens that begin with the same blocks,
     * where reading these once pays; 1 otherwise. What is shared are full blocks before every one
     * of the tokens.
     */
    private int sharedPrefix(ForwardInput input, int seq) {
        if (shape.window() != 0 || input.queryLen(seq) != 1) {
            return 1;
        }
        int count = 1;
        int common = (input.contextLens[seq] - 1) / shape.blockSize();
        int best = 1;
        long mostSaved = shape.config().sharedTokensMin() - 1;
        while (common > 0 && seq + count < input.numSeqs && input.queryLen(seq + count) == 1) {
            common = commonBlocks(input, seq, seq + count, common);
            long saved = (long) common * shape.blockSize() * count;
            count++;
            if (saved > mostSaved) {
                best = count;
                mostSaved = saved;
            }
        }
        return best;
    }

    private int commonBlocks(ForwardInput input, int a, int b, int atMost) {
        int limit = Math.min(atMost, (input.contextLens[b] - 1) / shape.blockSize());
        int common = 0;
        while (common < limit && input.blockTables[a][common] == input.blockTables[b][common]) {
            common++;
        }
        return common;
    }

    private void planShared(ForwardInput input, int seq, int count, int chunk) {
        int common = (input.contextLens[seq] - 1) / shape.blockSize();
        for (int other = seq + 1; other < seq + count; other++) {
            common = commonBlocks(input, seq, other, common);
        }
        int shared = common * shape.blockSize();
        int begin = input.cuSeqlensQ[seq];
        int firstPartial = plan.numPartials;
        plan.numPartials += count;
        for (int first = 0; first < count * shape.group(); first += shape.prefillRows()) {
            new Item(seq, begin, begin + count, first, 0, shared, -1, firstPartial)
                    .addTo(plan.prefill);
        }
        for (int i = 0; i < count; i++) {
            planDecode(input, seq + i, shared, chunk, firstPartial + i);
        }
        plan.sharedSequences += count;
    }
}
