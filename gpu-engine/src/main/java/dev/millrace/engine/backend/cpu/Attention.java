package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.model.ForwardInput;

import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Divides a step's attention into problems and gives them to the workers, in two phases. First the
 * prefixes that several sequences share: a problem is some query tokens of a group of sequences,
 * and leaves their running maxima, sums and unscaled outputs. Then each sequence's own keys: a
 * problem is some query tokens of one sequence, and goes on from there. Both phases have a problem
 * per KV head.
 */
final class Attention implements AutoCloseable {
    private final WorkerPool pool;
    private final Arena arena;
    private final boolean invariant;
    private final OneDnn dnn;
    private final AttentionKernel[] kernels;

    /** One per worker; unused in batch-invariant mode */
    private final AttentionGemms[] gemms;

    private final PrefixGroups groups = new PrefixGroups();
    private final Problems shared = new Problems();
    private final Problems own = new Problems();

    /** [token * numQueryHeads + head], between the phases */
    private float[] maxima = {};

    private float[] sums = {};

    /**
     * @param invariant each sequence by itself, whatever it shares
     */
    Attention(WorkerPool pool, OneDnn dnn, Arena arena, boolean invariant) {
        this.dnn = dnn;
        this.invariant = invariant;
        this.pool = pool;
        this.arena = arena;
        this.kernels = new AttentionKernel[pool.threads()];
        this.gemms = new AttentionGemms[pool.threads()];
    }

    /**
     * Lists of token rows, cut into problems. A problem's tokens see the same blocks: those of
     * {@code seq}.
     */
    private static final class Problems {
        int[] tokens = new int[64];
        int[] seq = new int[64];
        int[] end = new int[64];
        int numTokens;
        int count;

        void clear() {
            numTokens = 0;
            count = 0;
        }

        void addToken(int token) {
            if (numTokens == tokens.length) {
                tokens = Arrays.copyOf(tokens, 2 * numTokens);
            }
            tokens[numTokens++] = token;
        }

        /** Ends a problem: it has the tokens added since the last. */
        void close(int ofSeq) {
            if (numTokens == begin(count)) {
                return;
            }
            if (count == seq.length) {
                seq = Arrays.copyOf(seq, 2 * count);
                end = Arrays.copyOf(end, 2 * count);
            }
            seq[count] = ofSeq;
            end[count++] = numTokens;
        }

        int begin(int problem) {
            return problem == 0 ? 0 : end[problem - 1];
        }
    }

    void run(
            CpuBuffer qkv,
            AttentionSpec spec,
            ForwardInput input,
            CpuKvStore kv,
            int layer,
            CpuBuffer out) {
        prepare(spec, kv, input.numTokens);
        plan(input, spec, kv.layout().blockSize());
        var step = new AttentionKernel.Step(qkv, out, input.positions, layer, maxima, sums);
        int heads = spec.numKvHeads();
        pool.run(
                shared.count * heads,
                (worker, index) -> {
                    // Problems of one head follow each other: they read the same keys.
                    int problem = index % shared.count;
                    int leader = shared.seq[problem];
                    kernels[worker]
                            .problem(
                                    shared.tokens,
                                    shared.begin(problem),
                                    shared.end[problem],
                                    index / shared.count)
                            .sharedKeys(step, input.blockTables[leader], groups.sharedKeys(leader));
                });
        pool.run(
                own.count * heads,
                (worker, index) -> {
                    int problem = index / heads;
                    int seq = own.seq[problem];
                    kernels[worker]
                            .problem(
                                    own.tokens, own.begin(problem), own.end[problem], index % heads)
                            .ownKeys(step, input.blockTables[seq], groups.sharedKeys(seq));
                });
    }

    private void prepare(AttentionSpec spec, CpuKvStore kv, int tokens) {
        if (maxima.length < tokens * spec.numQueryHeads()) {
            maxima = new float[tokens * spec.numQueryHeads()];
            sums = new float[maxima.length];
        }
        if (kernels[0] != null && kernels[0].kv() == kv && kernels[0].spec().equals(spec)) {
            return;
        }
        close();
        for (int i = 0; i < kernels.length; i++) {
            int rows = AttentionKernel.rowCapacity(spec, invariant);
            gemms[i] = invariant ? null : new AttentionGemms(dnn, i, kv.paddedDim(), rows);
            kernels[i] = new AttentionKernel(spec, kv, arena, gemms[i]);
        }
    }

    private void plan(ForwardInput input, AttentionSpec spec, int blockSize) {
        shared.clear();
        own.clear();
        groups.find(input, blockSize, !invariant && spec.slidingWindow() == 0);
        for (int group = 0; group < groups.count(); group++) {
            planShared(input, spec, group);
        }
        for (int seq = 0; seq < input.numSeqs; seq++) {
            planOwn(input, spec, seq);
        }
    }

    private void planShared(ForwardInput input, AttentionSpec spec, int group) {
        int leader = groups.seq(groups.begin(group));
        if (groups.sharedKeys(leader) == 0) {
            return;
        }
        int tokens = 0;
        for (int i = groups.begin(group); i < groups.end(group); i++) {
            tokens += input.queryLen(groups.seq(i));
        }
        int tokensPerProblem = tokensPerProblem(spec, tokens);
        for (int i = groups.begin(group); i < groups.end(group); i++) {
            int seq = groups.seq(i);
            for (int token = input.cuSeqlensQ[seq]; token < input.cuSeqlensQ[seq + 1]; token++) {
                shared.addToken(token);
                if (shared.numTokens - shared.begin(shared.count) == tokensPerProblem) {
                    shared.close(leader);
                }
            }
        }
        shared.close(leader);
    }

    private void planOwn(ForwardInput input, AttentionSpec spec, int seq) {
        int first = input.cuSeqlensQ[seq];
        int tokensPerProblem = tokensPerProblem(spec, input.queryLen(seq));
        // The last tokens of a chunk see the most keys: they go first, so that the last problem to
        // end is a short one.
        for (int end = input.cuSeqlensQ[seq + 1]; end > first; end -= tokensPerProblem) {
            for (int token = Math.max(first, end - tokensPerProblem); token < end; token++) {
                own.addToken(token);
            }
            own.close(seq);
        }
    }

    /** How many of {@code tokens} query tokens over the same keys make a problem. */
    private int tokensPerProblem(AttentionSpec spec, int tokens) {
        int few = AttentionKernel.fewTokens(spec);
        if (invariant || tokens <= few) {
            return few;
        }
        // Each worker should get two problems of those that the heads make, if they stay large.
        int wanted = Math.ceilDiv(2 * pool.threads(), spec.numKvHeads());
        int least = Math.ceilDiv(tokens, AttentionKernel.mostTokens(spec));
        int problems = Math.max(least, Math.min(wanted, tokens / (2 * few)));
        return Math.ceilDiv(tokens, problems);
    }

    @Override
    public void close() {
        for (AttentionGemms each : gemms) {
            if (each != null) {
                each.close();
            }
        }
    }
}
