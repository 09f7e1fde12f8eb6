package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.AttentionSpec;
import dev.millrace.engine.model.ForwardInput;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Divides a step's attention into problems, one per KV head and few query tokens of one sequence, and gives them to the
 * workers. Long contexts first: the last problem to end should be a short one.
 */
final class Attention {
    private final WorkerPool pool;
    private final Arena arena;
    private final AttentionKernel[] kernels;
    private int[] problemSeq = new int[64];
    private int[] problemFirst = new int[64];
    private int problems;

    Attention(WorkerPool pool, Arena arena) {
        this.pool = pool;
        this.arena = arena;
        this.kernels = new AttentionKernel[pool.threads()];
    }

    void run(CpuBuffer qkv, AttentionSpec spec, ForwardInput input, CpuKvStore kv, int layer, CpuBuffer out) {
        prepareKernels(spec, kv);
        int tokensPerProblem = AttentionKernel.tokensPerProblem(spec);
        plan(input, tokensPerProblem);
        int heads = spec.numKvHeads();
        pool.run(problems * heads, (worker, index) -> {
            int seq = problemSeq[index / heads];
            int first = problemFirst[index / heads];
            int tokens = Math.min(tokensPerProblem, input.queryLen(seq) - first);
            int position = input.contextLens[seq] - input.queryLen(seq) + first;
            var problem = new AttentionKernel.Problem(layer, index % heads, input.blockTables[seq], position, tokens);
            kernels[worker].run(problem, qkv, out, input.cuSeqlensQ[seq] + first);
        });
    }

    private void prepareKernels(AttentionSpec spec, CpuKvStore kv) {
        if (kernels[0] != null && kernels[0].kv() == kv && kernels[0].spec().equals(spec)) {
            return;
        }
        for (int i = 0; i < kernels.length; i++) {
            kernels[i] = new AttentionKernel(spec, kv, arena);
        }
    }

    private void plan(ForwardInput input, int tokensPerProblem) {
        problems = 0;
        for (int seq = 0; seq < input.numSeqs; seq++) {
            int queryLen = input.queryLen(seq);
            for (int first = Math.ceilDiv(queryLen, tokensPerProblem) * tokensPerProblem - tokensPerProblem; first >= 0; first -= tokensPerProblem) {
                if (problems == problemSeq.length) {
                    problemSeq = Arrays.copyOf(problemSeq, 2 * problems);
                    problemFirst = Arrays.copyOf(problemFirst, 2 * problems);
                }
                problemSeq[problems] = seq;
                problemFirst[problems++] = first;
            }
        }
    }
}
