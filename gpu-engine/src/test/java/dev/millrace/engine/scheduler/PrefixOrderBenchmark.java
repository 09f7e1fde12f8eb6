package dev.millrace.engine.scheduler;

import dev.millrace.engine.api.EngineRequest;
import dev.millrace.engine.api.EngineStats;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What the order of admission is worth, on a simulated device: hit ratio against the ideal one, and
 * the time from 95 % to 100 % done. docs/perf/prefix-order.md says how to run it.
 */
public final class PrefixOrderBenchmark {
    private static final int JOBS = 10_000;
    private static final int PREFIX_TOKENS = 256;
    private static final int OWN_TOKENS = 20 + 8;
    private static final int SEQS = 64;

    private PrefixOrderBenchmark() {}

    public static void main(String[] args) {
        System.out.println("workload                 window  hit ratio   ideal  of ideal  run s");
        for (int prefixes : new int[] {4, 400}) {
            for (int window : new int[] {JOBS, 8192, 2048}) {
                List<EngineRequest> jobs = Backlogs.shared(1, JOBS, prefixes, PREFIX_TOKENS, 8);
                hits(prefixes + " prefixes", jobs, window, blocks(prefixes, PREFIX_TOKENS));
            }
        }
        hits("20 x 20 nested prefixes", Backlogs.nested(1, JOBS, 20, 20), JOBS, blocks(400, 256));
        System.out.println();
        System.out.println("2,000 jobs, every 50th long, 32 sequences: median of 9 seeds");
        double[] tails = new double[9];
        double[] totals = new double[9];
        for (int seed = 1; seed <= 9; seed++) {
            BacklogRun run = new BacklogRun(Backlogs.fewLong(seed, 2000, 200), 2000, 32, 2000).run();
            tails[seed - 1] = run.tailMs();
            totals[seed - 1] = run.ms();
        }
        System.out.printf(
                Locale.ROOT,
                "  95 %% to 100 %%: %.0f ms (worst %.0f) of %.0f ms, simulated%n",
                median(tails),
                tails[8],
                median(totals));
    }

    /** Room for a tenth of the prefixes, at least one, beside what running sequences hold alone. */
    private static int blocks(int prefixes, int prefixTokens) {
        int own = SEQS * (OWN_TOKENS / BacklogRun.BLOCK_SIZE + 1);
        return Math.max(1, prefixes / 10) * (prefixTokens / BacklogRun.BLOCK_SIZE) + own + 8;
    }

    private static void hits(String what, List<EngineRequest> jobs, int window, int numBlocks) {
        long began = System.nanoTime();
        EngineStats stats = new BacklogRun(jobs, window, SEQS, numBlocks).run().stats();
        double seconds = (System.nanoTime() - began) * 1e-9;
        double ideal = (double) BacklogRun.idealTokens(jobs) / stats.promptTokens();
        double achieved = (double) stats.cachedTokens() / stats.promptTokens();
        System.out.printf(
                Locale.ROOT,
                "%-24s %6d    %6.2f %% %6.2f %%  %6.2f %%  %5.1f%n",
                what,
                window,
                100 * achieved,
                100 * ideal,
                100 * achieved / ideal,
                seconds);
    }

    /** Sorts, too. */
    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
