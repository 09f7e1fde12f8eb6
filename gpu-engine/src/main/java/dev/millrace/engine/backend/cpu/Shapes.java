package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.backend.Experts;
import dev.millrace.engine.backend.Linear;
import dev.millrace.engine.backend.WeightTensor;
import dev.millrace.engine.kvcache.KvLayout;
import dev.millrace.engine.model.ForwardInput;

import java.util.List;

/**
 * Checks of op arguments: kernels work on plain addresses, so what does not fit must stop here. What
 * a message says is put together only when it is thrown.
 */
final class Shapes {
    private Shapes() {}

    static void equal(String op, String what, int actual, int expected) {
        if (actual != expected) {
            throw new IllegalArgumentException(
                    op + ": " + what + " is " + actual + ", not " + expected);
        }
    }

    /** As above, of the {@code index}-th of several. */
    static void equal(String op, String what, int index, int actual, int expected) {
        if (actual != expected) {
            equal(op, what + " " + index, actual, expected);
        }
    }

    static void atMost(String op, String what, int actual, int limit) {
        if (actual < 0 || actual > limit) {
            throw new IllegalArgumentException(
                    op + ": " + what + " is " + actual + ", allowed are 0 to " + limit);
        }
    }

    /** As above, of the {@code index}-th of several. */
    static void atMost(String op, String what, int index, int actual, int limit) {
        if (actual < 0 || actual > limit) {
            atMost(op, what + " " + index, actual, limit);
        }
    }

    /** A buffer of at least {@code rows} rows and exactly {@code cols} columns. */
    static void buffer(String op, String name, CpuBuffer buffer, int rows, int cols) {
        if (rows < 0 || rows > buffer.rows() || buffer.cols() != cols) {
            atMost(op, "rows of " + name, rows, buffer.rows());
            equal(op, "columns of " + name, buffer.cols(), cols);
        }
    }

    static void weights(List<WeightTensor> parts, float[] bias) {
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("linear: no weights");
        }
        int rows = 0;
        for (WeightTensor part : parts) {
            equal("linear", "columns of " + part.name(), part.cols(), parts.getFirst().cols());
            rows += part.rows();
        }
        if (bias != null) {
            equal("linear", "bias of " + parts.getFirst().name(), bias.length, rows);
        }
    }

    static void experts(Experts experts) {
        int count = experts.router().outFeatures();
        equal("experts", "number of gateUp", experts.gateUp().length, count);
        equal("experts", "number of down", experts.down().length, count);
        atMost("experts", "expertsPerToken", experts.expertsPerToken(), count);
        int hidden = experts.router().inFeatures();
        int intermediate = experts.down()[0].inFeatures();
        for (int e = 0; e < count; e++) {
            Linear gateUp = experts.gateUp()[e];
            Linear down = experts.down()[e];
            equal("experts", "gateUp in of expert", e, gateUp.inFeatures(), hidden);
            equal("experts", "gateUp out of expert", e, gateUp.outFeatures(), 2 * intermediate);
            equal("experts", "down in of expert", e, down.inFeatures(), intermediate);
            equal("experts", "down out of expert", e, down.outFeatures(), hidden);
        }
    }

    static void spec(String op, AttentionSpec spec, KvLayout layout, int layer) {
        equal(op, "KV heads", spec.numKvHeads(), layout.numKvHeads());
        equal(op, "head dimension", spec.headDim(), layout.headDim());
        atMost(op, "layer", layer, layout.numLayers() - 1);
        if (spec.numQueryHeads() % spec.numKvHeads() != 0 || spec.headDim() % 2 != 0) {
            throw new IllegalArgumentException(
                    op
                            + ": "
                            + spec.numQueryHeads()
                            + " query heads over "
                            + spec.numKvHeads()
                            + " KV heads of "
                            + spec.headDim()
                            + " elements");
        }
    }

    /** Every slot of the step lies in the cache. */
    static void slots(ForwardInput input, KvLayout layout) {
        int slots = layout.numBlocks() * layout.blockSize();
        for (int t = 0; t < input.numTokens; t++) {
            atMost("ropeAndStore", "slot of token", t, input.slotMapping[t], slots - 1);
        }
    }

    /**
     * Every block that attention will read lies in the cache; it begins at a multiple of {@code
     * alignment}.
     */
    static void blocks(AttentionSpec spec, ForwardInput input, KvLayout layout, int alignment) {
        for (int seq = 0; seq < input.numSeqs; seq++) {
            int context = input.contextLens[seq];
            int queryLen = input.queryLen(seq);
            if (queryLen < 1 || queryLen > context) {
                throw new IllegalArgumentException(
                        "attention: sequence "
                                + seq
                                + " has "
                                + queryLen
                                + " query tokens in a context of "
                                + context);
            }
            for (int i = 0; i < queryLen; i++) {
                int token = input.cuSeqlensQ[seq] + i;
                equal(
                        "attention",
                        "position of token",
                        token,
                        input.positions[token],
                        context - queryLen + i);
            }
            int[] table = input.blockTables[seq];
            int needed = Math.ceilDiv(context, layout.blockSize());
            if (table.length < needed) {
                throw new IllegalArgumentException(
                        "attention: block table of sequence "
                                + seq
                                + " has "
                                + table.length
                                + " entries, a context of "
                                + context
                                + " needs "
                                + needed);
            }
            int visible =
                    spec.slidingWindow() == 0
                            ? 0
                            : Math.max(0, context - queryLen - spec.slidingWindow() + 1);
            int first = visible / alignment * alignment;
            for (int i = first / layout.blockSize(); i < needed; i++) {
                if (table[i] < 0 || table[i] >= layout.numBlocks()) {
                    throw new IllegalArgumentException(
                            "attention: block "
                                    + i
                                    + " of sequence "
                                    + seq
                                    + " is "
                                    + table[i]
                                    + ", the cache has "
                                    + layout.numBlocks());
                }
            }
        }
        equal(
                "attention",
                "tokens of the sequences",
                input.cuSeqlensQ[input.numSeqs],
                input.numTokens);
    }
}
