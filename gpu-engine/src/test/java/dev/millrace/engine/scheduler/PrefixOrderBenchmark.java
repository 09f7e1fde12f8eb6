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

    /** Who waits longest is always due: the order of arrival. */
    private static final AdmissionBounds ARRIVAL =
            new AdmissionBounds(Long.MIN_VALUE / 2, -2, 0, Double.POSITIVE_INFINITY);

    /** As usual, but the longest have no turn of their own towards the end. */
    private static final AdmissionBounds NO_TAIL =
            new AdmissionBounds(
                    AdmissionBounds.DEFAULT.minOvertakers(),
                    AdmissionBounds.DEFAULT.overtakersPerWaiting(),
                    AdmissionBounds.DEFAULT.minDeadlineLeadMs(),
                    Double.POSITIVE_INFINITY);

    private PrefixOrderBenchmark() {}

    public static void main(String[] args) {
        System.out.println(
                "workload                 window   ideal   by arrival  of ideal   by prefix  of ideal"
                        + "  run s");
        for (int prefixes : new int[] {4, 400}) {
            List<EngineRequest> jobs = Backlogs.shared(1, JOBS, prefixes, PREFIX_TOKENS, 8);
            for (int window : new int[] {JOBS, 8192, 2048, 64}) {
                hits(prefixes + " prefixes", jobs, window, blocks(prefixes, PREFIX_TOKENS));
            }
        }
        hits("20 x 20 nested prefixes", Backlogs.nested(1, JOBS, 20, 20), JOBS, blocks(400, 256));
        System.out.println();
        System.out.println("2,000 jobs, every 50th long, 32 sequences: median of 9 seeds");
        tails("without longest first", NO_TAIL);
        tails("with longest first", AdmissionBounds.DEFAULT);
    }

    private static void tails(String what, AdmissionBounds bounds) {
        double[] tails = new double[9];
        double[] totals = new double[9];
        for (int seed = 1; seed <= 9; seed++) {
            BacklogRun run = new BacklogRun(Backlogs.fewLong(seed, 2000, 200), 2000, 32, 2000);
            run.engine().setAdmissionBounds(bounds);
            run.run();
            tails[seed - 1] = run.tailMs();
            totals[seed - 1] = run.ms();
        }
        System.out.printf(
                Locale.ROOT,
                "  %s: 95 %% to 100 %% in %.0f ms (worst %.0f), all in %.0f ms, simulated%n",
                what,
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
        double arrival = hitRatio(new BacklogRun(jobs, window, SEQS, numBlocks), ARRIVAL);
        long began = System.nanoTime();
        BacklogRun run = new BacklogRun(jobs, window, SEQS, numBlocks);
        double prefix = hitRatio(run, AdmissionBounds.DEFAULT);
        double seconds = (System.nanoTime() - began) * 1e-9;
        double ideal = (double) BacklogRun.idealTokens(jobs) / run.stats().promptTokens();
        System.out.printf(
                Locale.ROOT,
                "%-24s %6d  %6.2f %%   %6.2f %%  %6.2f %%    %6.2f %%  %6.2f %%  %5.1f%n",
                what,
                window,
                100 * ideal,
                100 * arrival,
                100 * arrival / ideal,
                100 * prefix,
                100 * prefix / ideal,
                seconds);
    }

    private static double hitRatio(BacklogRun run, AdmissionBounds bounds) {
        run.engine().setAdmissionBounds(bounds);
        EngineStats stats = run.run().stats();
        return (double) stats.cachedTokens() / stats.promptTokens();
    }

    /** Sorts, too. */
    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }
}
