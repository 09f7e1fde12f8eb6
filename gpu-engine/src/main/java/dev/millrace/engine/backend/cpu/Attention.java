package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.model.ForwardInput;

import java.lang.foreign.SegmentAllocator;
import java.util.Arrays;

/**
 * Divides a step's attention into problems and gives them to the workers, in phases. First the
 * prefixes that several sequences share, a phase for each level of {@link PrefixGroups}: a problem
 * is some query tokens of a group of sequences, goes on from where the group around it ended, and
 * leaves their running maxima, sums and unscaled outputs. Then each sequence's own keys: a problem
 * is some query tokens of one sequence. All phases have a problem per KV head.
 */
final class Attention implements AutoCloseable {
    private final WorkerPool pool;
    private final SegmentAllocator memory;
    private final boolean invariant;
    private final OneDnn dnn;
    private final AttentionKernel[] kernels;

    /** One per worker; unused in batch-invariant mode */
    private final AttentionGemms[] gemms;

    private final PrefixGroups groups = new PrefixGroups();

    /** [level]; their problems name the group */
    private final Problems[] shared = new Problems[PrefixGroups.LEVELS];

    /** Its problems name the sequence */
    private final Problems own = new Problems();

    /** The call under way, and what its workers do: one object each for all calls. */
    private final AttentionKernel.Step step = new AttentionKernel.Step();

    private final WorkerPool.Part ownPart = this::runOwn;
    private final WorkerPool.Part sharedPart = this::runShared;
    private ForwardInput input;
    private Problems level;
    private int heads;

    /**
     * @param invariant each sequence by itself, whatever it shares
     */
    Attention(WorkerPool pool, OneDnn dnn, SegmentAllocator memory, boolean invariant) {
        this.dnn = dnn;
        this.invariant = invariant;
        this.pool = pool;
        this.memory = memory;
        this.kernels = new AttentionKernel[pool.threads()];
        this.gemms = new AttentionGemms[pool.threads()];
        Arrays.setAll(shared, level -> new Problems());
    }

    /**
     * Lists of token rows, cut into problems. A problem's tokens see the same blocks: those of
     * {@code owner}, a group or a sequence.
     */
    private static final class Problems {
        int[] tokens = new int[64];
        int[] owner = new int[64];
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
        void close(int ofOwner) {
            if (numTokens == begin(count)) {
                return;
            }
            if (count == owner.length) {
                owner = Arrays.copyOf(owner, 2 * count);
                end = Arrays.copyOf(end, 2 * count);
            }
            owner[count] = ofOwner;
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
        step.begin(qkv, out, input.positions, layer);
        this.input = input;
        heads = spec.numKvHeads();
        for (Problems each : shared) {
            level = each;
            pool.run(level.count * heads, sharedPart);
        }
        pool.run(own.count * heads, ownPart);
    }

    private void runShared(int worker, int index) {
        // Problems of one head follow each other: they read the same keys.
        int problem = index % level.count;
        PrefixGroups.Group group = groups.group(level.owner[problem]);
        int[] blocks = input.blockTables[groups.seq(group.begin())];
        kernels[worker]
                .problem(
                        level.tokens,
                        level.begin(problem),
                        level.end[problem],
                        index / level.count)
                .sharedKeys(step, blocks, group.from(), group.to());
    }

    private void runOwn(int worker, int index) {
        int problem = index / heads;
        int seq = own.owner[problem];
        kernels[worker]
                .problem(own.tokens, own.begin(problem), own.end[problem], index % heads)
                .ownKeys(step, input.blockTables[seq], groups.sharedKeys(seq));
    }

    /** Keys read by all problems since the cache or the shape last changed, each KV head's counted. */
    long keysRead() {
        return Arrays.stream(kernels).mapToLong(k -> k == null ? 0 : k.keysRead()).sum();
    }

    private void prepare(AttentionSpec spec, CpuKvStore kv, int tokens) {
        step.reserve(tokens * spec.numQueryHeads());
        if (kernels[0] != null && kernels[0].kv() == kv && kernels[0].spec().equals(spec)) {
            return;
        }
        close();
        for (int i = 0; i < kernels.length; i++) {
            int rows = AttentionKernel.rowCapacity(spec, invariant);
            gemms[i] = invariant ? null : new AttentionGemms(dnn, i, kv.paddedDim(), rows);
            kernels[i] = new AttentionKernel(spec, kv, memory, gemms[i]);
        }
    }

    private void plan(ForwardInput input, AttentionSpec spec, int blockSize) {
        own.clear();
        for (Problems level : shared) {
            level.clear();
        }
        groups.find(input, blockSize, !invariant && spec.slidingWindow() == 0);
        for (int group = 0; group < groups.count(); group++) {
            planShared(input, spec, group);
        }
        for (int seq = 0; seq < input.numSeqs; seq++) {
            planOwn(input, spec, seq);
        }
    }

    private void planShared(ForwardInput input, AttentionSpec spec, int index) {
        PrefixGroups.Group group = groups.group(index);
        Problems problems = shared[group.level()];
        int tokens = 0;
        for (int i = group.begin(); i < group.end(); i++) {
            tokens += input.queryLen(groups.seq(i));
        }
        int tokensPerProblem = tokensPerProblem(spec, tokens);
        for (int i = group.begin(); i < group.end(); i++) {
            int seq = groups.seq(i);
            for (int token = input.cuSeqlensQ[seq]; token < input.cuSeqlensQ[seq + 1]; token++) {
                problems.addToken(token);
                if (problems.numTokens - problems.begin(problems.count) == tokensPerProblem) {
                    problems.close(index);
                }
            }
        }
        problems.close(index);
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
