package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ModelConfig;

/**
 * What a model takes of a device's memory: computed before anything is loaded, printed in the log,
 * and taken once. All sizes are bytes.
 *
 * @param weights linears, embedding, head, norms
 * @param activations buffers for the largest step, with the FP8 form of what linears read
 * @param logits F32 rows of the vocabulary, a bounded number at a time, and what sampling needs
 * @param tables the step's token ids, block tables, work lists, and partial results of split
 *     attention
 * @param workspace of cuBLASLt
 * @param kv what is left for, or wanted of, the KV cache
 * @param logitRows rows of logits computed at a time
 */
record MemoryPlan(
        long weights,
        long activations,
        long logits,
        long tables,
        long workspace,
        long kv,
        int logitRows,
        Budget budget) {
    /** What NVIDIA recommends for Hopper. */
    static final long WORKSPACE_BYTES = 32L << 20;

    /** Logits of large batches go in portions of at most so many bytes. */
    private static final long LOGIT_BYTES_MAX = 512L << 20;

    /** Most rows that a sampling step takes at once, whatever the vocabulary. */
    private static final int LOGIT_ROWS_MAX = 1024;

    /**
     * What may be used.
     *
     * @param total of the device
     * @param free of it, before anything of ours
     * @param share of the total that may be in use afterwards
     */
    record Budget(long total, long free, double share) {
        long usable() {
            return Math.max(0, (long) (total * share) - (total - free));
        }
    }

    /**
     * @throws DeviceUnavailableException if weights and buffers leave no room for a KV cache
     */
    static MemoryPlan of(
            ModelConfig model,
            EngineConfig engine,
            CudaConfig cuda,
            Budget budget,
            int multiprocessors) {
        int logitRows =
                (int)
                        Math.clamp(
                                LOGIT_BYTES_MAX / (4L * model.vocabSize()),
                                1,
                                Math.min(LOGIT_ROWS_MAX, engine.maxNumBatchedTokens()));
        long weights = weights(model, cuda);
        long activations = activations(model, engine.maxNumBatchedTokens());
        long logits = logitRows * (4L * model.vocabSize() + 2L * model.hiddenSize()) + (64L << 20);
        long tables = tables(model, engine, cuda, multiprocessors);
        long left = budget.usable() - weights - activations - logits - tables - WORKSPACE_BYTES;
        long perBlock =
                new KvLayout(
                                1,
                                engine.blockSize(),
                                model.numLayers(),
                                model.numKvHeads(),
                                model.headDim(),
                                cuda.kvFp8() ? 1 : 2)
                        .bytesPerBlock();
        MemoryPlan plan =
                new MemoryPlan(
                        weights,
                        activations,
                        logits,
                        tables,
                        WORKSPACE_BYTES,
                        Math.min(left, engine.kvCacheBytes()),
                        logitRows,
                        budget);
        if (left < perBlock) {
            throw new DeviceUnavailableException(
                    "not enough device memory for this model: "
                            + plan.describe()
                            + "; a block of the KV cache takes "
                            + "%,d".formatted(perBlock)
                            + ". Free memory on the device, raise --gpu-memory-utilization, or"
                            + " lower --max-num-batched-tokens");
        }
        return plan;
    }

    /**
     * The sizes of linears are those of their packed form; norms and scales are a rounding error.
     */
    private static long weights(ModelConfig model, CudaConfig cuda) {
        long hidden = model.hiddenSize();
        long attention =
                hidden * (model.numQueryHeads() + 2L * model.numKvHeads()) * model.headDim()
                        + hidden * model.numQueryHeads() * model.headDim();
        long dense = 3 * hidden * model.intermediateSize();
        long sparse =
                model.experts() == null
                        ? 0
                        : 3 * hidden * model.experts().intermediateSize() * model.experts().count();
        long linears = 0;
        for (ModelConfig.Layer layer : model.layers()) {
            linears += attention + (layer.hasExperts() ? sparse : dense);
        }
        long bytes = model.quantization() != null || cuda.quantizeWeights() ? 1 : 2;
        long table = 2 * hidden * model.vocabSize();
        long rope = 4L * model.maxPositionEmbeddings() * model.headDim();
        return linears * bytes + table * (model.tieWordEmbeddings() ? 1 : 2) + linears / 64 + rope;
    }

    private static long activations(ModelConfig model, long tokens) {
        long qkv = (model.numQueryHeads() + 2L * model.numKvHeads()) * model.headDim();
        long attended = (long) model.numQueryHeads() * model.headDim();
        long perToken =
                2 * (3L * model.hiddenSize() + qkv + attended + 3L * model.intermediateSize());
        long scratch = (long) widestInput(model) * 33 / 32;
        long experts = 0;
        if (model.experts() != null) {
            long width = model.experts().intermediateSize();
            experts =
                    model.experts().perToken() * (2 * (3 * width + model.hiddenSize()) + width + 32)
                            + 4L * model.experts().count();
        }
        return (tokens + 16) * (perToken + scratch + experts);
    }

    /** Columns of the widest matrix that is rounded to FP8. */
    static int widestInput(ModelConfig model) {
        int widest = Math.max(model.hiddenSize(), model.numQueryHeads() * model.headDim());
        return Math.max(widest, model.intermediateSize());
    }

    private static long tables(
            ModelConfig model, EngineConfig engine, CudaConfig cuda, int multiprocessors) {
        AttentionPlanner.Shape shape =
                new AttentionPlanner.Shape(
                        model.numQueryHeads() / model.numKvHeads(),
                        model.numKvHeads(),
                        engine.blockSize(),
                        0,
                        multiprocessors,
                        false, // the kernels with the smaller items make the longer tables
                        cuda);
        long partials = AttentionPlanner.maxPartials(shape, engine.maxNumSeqs());
        long partialBytes = partials * model.numQueryHeads() * (model.headDim() + 1) * 4L;
        return partialBytes + 4L * StepInput.capacity(shape, model.maxPositionEmbeddings(), engine);
    }

    /** The formula with its numbers, for the log. */
    String describe() {
        return ("%,d MiB usable (%.0f %% of %,d MiB, less what others use) = weights %,d +"
                    + " activations %,d + logits %,d + tables %,d + workspace %,d + KV cache %,d"
                    + " MiB")
                .formatted(
                        mib(budget.usable()),
                        budget.share() * 100,
                        mib(budget.total()),
                        mib(weights),
                        mib(activations),
                        mib(logits),
                        mib(tables),
                        mib(workspace),
                        mib(kv));
    }

    private static long mib(long bytes) {
        return bytes >> 20;
    }
}
