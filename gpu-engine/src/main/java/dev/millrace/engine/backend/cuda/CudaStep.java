package dev.millrace.engine.backend.cuda;

import dev.millrace.engine.api.EngineConfig;
import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.model.ForwardInput;
import dev.millrace.engine.model.ModelConfig;

import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * One step at a time: its integers on the device, its attention work, and the choice between
 * queueing each kernel and replaying a graph. Graphs exist for decode steps of few sequences, where
 * the host would be slower than the device: such a step is padded to the next of a few sizes. The
 * first step of a size runs kernel by kernel (products choose their algorithms then), the second is
 * captured, later ones are replayed.
 */
final class CudaStep {
    private static final int NO_GRAPH = 0;

    private final Kernels kernels;
    private final AttentionPlanner.Shape shape;
    private final AttentionPlanner planner;
    private final StepInput input;
    private final int graphRowsMax;
    private final int graphStride;
    private final long partialOut;
    private final long partialLse;
    private final Map<Integer, Long> graphs = new HashMap<>();
    private final Map<Integer, Integer> stepsOfSize = new HashMap<>();

    private int rows;
    private int decodeItems;
    private int prefillItems;
    private int combined;
    private long stepsReplayed;
    private long sharedSequences;

    CudaStep(
            Kernels kernels, AttentionPlanner.Shape shape, ModelConfig model, EngineConfig engine) {
        this.kernels = kernels;
        this.shape = shape;
        planner = new AttentionPlanner(shape);
        input =
                new StepInput(
                        kernels.driver(),
                        StepInput.capacity(shape, model.maxPositionEmbeddings(), engine));
        graphRowsMax =
                Math.min(
                        shape.config().graphRowsMax(),
                        Math.min(engine.maxNumSeqs(), engine.maxNumBatchedTokens()));
        int longest =
                engine.maxModelLen() == 0 ? model.maxPositionEmbeddings() : engine.maxModelLen();
        graphStride = Math.ceilDiv(longest, shape.blockSize());
        long partials = AttentionPlanner.maxPartials(shape, engine.maxNumSeqs());
        partialOut =
                kernels.driver().allocate(4 * partials * model.numQueryHeads() * model.headDim());
        partialLse = kernels.driver().allocate(4 * partials * model.numQueryHeads());
    }

    /** Rows that the ops of the step under way compute. */
    int rows() {
        return rows;
    }

    StepInput input() {
        return input;
    }

    /** Steps that were replayed as graphs so far. */
    long stepsReplayed() {
        return stepsReplayed;
    }

    /** Sequences, summed over steps, whose common prefix was read once. */
    long sharedSequences() {
        return sharedSequences;
    }

    /**
     * Runs a step.
     *
     * @param sampled where the step before leaves the tokens it chose
     */
    void run(ForwardInput step, long sampled, IntConsumer program) {
        AttentionPlan plan = planner.plan(step);
        sharedSequences += plan.sharedSequences;
        int padded = graphRows(step, plan);
        rows = padded == NO_GRAPH ? step.numTokens : padded;
        if (padded != NO_GRAPH) {
            AttentionPlan.pad(plan.decode, padded + shape.extraItems());
            plan.padCombine(padded);
        }
        decodeItems = plan.decodeItems();
        prefillItems = plan.prefillItems();
        combined = plan.combined();
        input.upload(step, rows, padded == NO_GRAPH ? stride(step) : graphStride, plan);
        if (sampled != 0 && hasPromised(step)) {
            kernels.args().pointer(input.tokenIds).pointer(sampled).i32(rows);
            kernels.launch("resolve_tokens", LaunchPlan.elements(rows));
        }
        if (padded == NO_GRAPH || stepsOfSize.merge(padded, 1, Integer::sum) == 1) {
            program.accept(rows);
        } else {
            replay(padded, program);
        }
    }

    private void replay(int padded, IntConsumer program) {
        Long graph = graphs.get(padded);
        if (graph == null) {
            kernels.driver().beginCapture();
            program.accept(rows);
            graph = kernels.driver().endCapture();
            graphs.put(padded, graph);
        }
        kernels.driver().launchGraph(graph);
        stepsReplayed++;
    }

    /**
     * The padded size of a step that a graph can do: one token of each sequence, nothing shared.
     */
    private int graphRows(ForwardInput step, AttentionPlan plan) {
        boolean decode = step.numTokens == step.numSeqs && plan.prefillItems() == 0;
        int padded = graphSize(step.numTokens);
        return decode && padded <= graphRowsMax && fits(step) ? padded : NO_GRAPH;
    }

    /** 1, 2, 4, 8, 16, then steps of 16. */
    static int graphSize(int sequences) {
        return sequences > 16
                ? Math.ceilDiv(sequences, 16) * 16
                : Integer.highestOneBit(Math.max(1, 2 * sequences - 1));
    }

    private boolean fits(ForwardInput step) {
        return stride(step) <= graphStride;
    }

    private int stride(ForwardInput step) {
        int longest = 1;
        for (int seq = 0; seq < step.numSeqs; seq++) {
            longest = Math.max(longest, step.contextLens[seq]);
        }
        return Math.ceilDiv(longest, shape.blockSize());
    }

    private static boolean hasPromised(ForwardInput step) {
        for (int t = 0; t < step.numTokens; t++) {
            if (step.tokenIds[t] < 0) {
                return true;
            }
        }
        return false;
    }

    /** Attention of the step's queries; out [rows, query heads x head dimension]. */
    void attention(CudaBuffer qkv, AttentionSpec spec, CudaKvStore kv, int layer, CudaBuffer out) {
        if (prefillItems > 0) {
            attend("prefill", prefillItems, new Attended(qkv, spec, kv, layer, out));
        }
        if (decodeItems > 0) {
            attend("decode", decodeItems, new Attended(qkv, spec, kv, layer, out));
        }
        if (combined > 0) {
            kernels.args()
                    .pointer(input.combineTokens)
                    .pointer(input.combineStarts)
                    .pointer(input.combinePartials)
                    .pointer(partialOut)
                    .pointer(partialLse)
                    .pointer(out.address())
                    .i32(spec.numQueryHeads())
                    .i32(spec.headDim());
            kernels.launch("attention_combine", LaunchPlan.combine(combined, spec.numQueryHeads()));
        }
    }

    private record Attended(
            CudaBuffer qkv, AttentionSpec spec, CudaKvStore kv, int layer, CudaBuffer out) {}

    private void attend(String pass, int items, Attended what) {
        AttentionSpec spec = what.spec();
        CudaKvStore kv = what.kv();
        boolean decode = pass.equals("decode");
        kernels.args()
                .pointer(what.qkv().address())
                .i32(spec.qkvCols())
                .pointer(kv.layerAddress(what.layer()))
                .pointer(kv.keyScales(what.layer()))
                .pointer(kv.valueScales(what.layer()))
                .pointer(input.blockTables)
                .i32(input.tableStride)
                .i32(kv.layout().blockSize())
                .pointer(decode ? input.decodeItems : input.prefillItems)
                .pointer(what.out().address())
                .pointer(partialOut)
                .pointer(partialLse)
                .i32(spec.numQueryHeads())
                .i32(spec.numKvHeads())
                .f32(spec.scale())
                .i32(spec.slidingWindow());
        boolean warpGroups = !decode && shape.warpGroups();
        String kernel = "attention_" + pass + (warpGroups ? "_sm90_" : "_") + kv.suffix();
        int dim = spec.headDim();
        kernels.launch(
                kernel + "_d" + dim,
                warpGroups
                        ? LaunchPlan.attentionByWarpGroups(
                                kv.fp8(), dim, items, spec.numKvHeads())
                        : LaunchPlan.attention(decode, kv.fp8(), dim, items, spec.numKvHeads()));
    }
}
