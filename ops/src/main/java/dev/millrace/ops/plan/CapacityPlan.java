package dev.millrace.ops.plan;

import dev.millrace.ops.cli.Format;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Workers, hours and cost for a load. The model is a sum of times: computing the prompts' tokens
 * that are not shared, then generating the answers' tokens, at the rates of one worker; workers
 * share nothing, so the time divides by their number.
 *
 * @param load what is to be done
 * @param rate how fast one worker is
 * @param workers how many are needed
 * @param secondsTaken by that many
 */
public record CapacityPlan(Load load, WorkerRate rate, long workers, double secondsTaken) {
    /** Time that workers do not spend on tokens: start, the batch's tail, rebalances. */
    static final double UTILISATION = 0.85;

    /**
     * A load.
     *
     * @param prompts how many
     * @param inTokens of each prompt, the shared part included
     * @param outTokens of each answer
     * @param sharedTokens at the beginning of each prompt that the prefix cache answers for
     * @param seconds until it must be done
     * @param costPerHour of one worker; 0 when it is not asked for
     */
    public record Load(
            long prompts,
            double inTokens,
            double outTokens,
            double sharedTokens,
            double seconds,
            double costPerHour) {

        public Load {
            check(prompts >= 1, "--prompts must be at least 1, not " + prompts);
            check(inTokens > 0, "--in must be above 0, not " + inTokens);
            check(outTokens > 0, "--out must be above 0, not " + outTokens);
            check(
                    sharedTokens >= 0 && sharedTokens < inTokens,
                    "--shared must be from 0 to less than --in, not " + sharedTokens);
            check(seconds > 0, "--by must lie in the future");
            check(costPerHour >= 0, "--cost-per-hour must not be negative");
        }

        /** Prompt tokens that have to be computed. */
        double computedTokens() {
            return prompts * (inTokens - sharedTokens);
        }

        double generatedTokens() {
            return prompts * outTokens;
        }
    }

    /** The fewest workers that are done in time. */
    public static CapacityPlan of(Load load, WorkerRate rate) {
        double work = workerSeconds(load, rate);
        long workers = Math.max(1, (long) Math.ceil(work / load.seconds() - 1e-9));
        return new CapacityPlan(load, rate, workers, work / workers);
    }

    /** What one worker would take alone. */
    static double workerSeconds(Load load, WorkerRate rate) {
        double busy =
                load.computedTokens() / rate.promptTokensPerSecond()
                        + load.generatedTokens() / rate.outputTokensPerSecond();
        return busy / UTILISATION;
    }

    public double workerHours() {
        return workers * secondsTaken / 3600;
    }

    public double cost() {
        return workerHours() * load.costPerHour();
    }

    /** The plan as text, its assumptions last. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(
                String.format(
                        Locale.ROOT,
                        "%s worker%s: done in %s of %s; %,.1f worker hours",
                        Format.count(workers),
                        workers == 1 ? "" : "s",
                        Format.duration(secondsTaken),
                        Format.duration(load.seconds()),
                        workerHours()));
        if (load.costPerHour() > 0) {
            lines.add(
                    String.format(
                            Locale.ROOT,
                            "cost %,.2f in all, %,.4f per 1,000 prompts, %,.4f per million tokens",
                            cost(),
                            1000 * cost() / load.prompts(),
                            1e6
                                    * cost()
                                    / (load.prompts() * (load.inTokens() + load.outTokens()))));
        }
        lines.add("");
        lines.add("Assumptions");
        lines.add(
                String.format(
                        Locale.ROOT,
                        "  load         %s prompts × (%s in, of these %s shared, and %s out)",
                        Format.count(load.prompts()),
                        number(load.inTokens()),
                        number(load.sharedTokens()),
                        number(load.outTokens())));
        lines.add(
                String.format(
                        Locale.ROOT,
                        "  one worker   %s tok/s computing prompts, %s tok/s generating (%s)",
                        number(rate.promptTokensPerSecond()),
                        number(rate.outputTokensPerSecond()),
                        rate.source()));
        lines.add(
                String.format(
                        Locale.ROOT,
                        "  utilisation  %.0f %%: the rest is start, the batch's tail and"
                            + " rebalances",
                        100 * UTILISATION));
        lines.add("  shared part  computed once for each worker and then cached: counted as free");
        lines.add("  scaling      n workers are n times as fast; the ready topic needs as many");
        lines.add("               partitions as there are workers");
        return lines;
    }

    private static String number(double n) {
        return n == Math.rint(n) ? Format.count((long) n) : String.format(Locale.ROOT, "%,.1f", n);
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
