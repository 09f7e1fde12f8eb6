package dev.millrace.ops.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.millrace.engine.api.DeviceTimes;
import dev.millrace.engine.api.DraftCounts;
import dev.millrace.engine.api.EngineStats;
import dev.millrace.ops.bench.BenchRun.Outcome;
import dev.millrace.ops.cli.Format;

import java.io.PrintWriter;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** A job's account as a table for people and as JSON for programs. */
final class BenchReport {
    private BenchReport() {}

    /** The run with the median time; of an even number the quicker of the middle two. */
    static Outcome median(List<Outcome> runs) {
        List<Outcome> sorted =
                runs.stream().sorted(Comparator.comparingDouble(Outcome::seconds)).toList();
        return sorted.get((sorted.size() - 1) / 2);
    }

    /** Where a run's seconds went, in order; they add up to the run's. */
    static Map<String, Double> account(Outcome run) {
        EngineStats a = run.before();
        EngineStats b = run.after();
        DeviceTimes from = a.device();
        DeviceTimes to = b.device();
        double gemm = (to.gemmNanos() - from.gemmNanos()) * 1e-9;
        double attention = (to.attentionNanos() - from.attentionNanos()) * 1e-9;
        double rows = (to.rowNanos() - from.rowNanos()) * 1e-9;
        double device = (b.deviceNanos() - a.deviceNanos()) * 1e-9;
        Map<String, Double> account = new LinkedHashMap<>();
        account.put("gemm", gemm);
        account.put("attention", attention);
        account.put("rows", rows);
        account.put("choose", Math.max(0, device - gemm - attention - rows));
        account.put("host", Math.max(0, run.seconds() - device));
        return account;
    }

    static void print(PrintWriter out, List<Outcome> runs) {
        for (Outcome run : runs) {
            out.printf(
                    Locale.ROOT,
                    "  %8.2f s  %,9.1f output tok/s  %6d steps  %s of prompt tokens from cache"
                            + " (ideal %s)%n",
                    run.seconds(),
                    run.outputTokensPerSecond(),
                    run.steps(),
                    Format.percent(run.cachedTokens(), run.promptTokens()),
                    Format.percent(run.idealCachedTokens(), run.promptTokens()));
        }
        Outcome median = median(runs);
        DraftCounts drafts = median.drafts();
        if (drafts.draftTokens() > 0) {
            out.printf(
                    Locale.ROOT,
                    "  %,d tokens guessed, %s of them right%n",
                    drafts.draftTokens(),
                    Format.percent(drafts.acceptedTokens(), drafts.draftTokens()));
        }
        out.printf(
                Locale.ROOT,
                "  a step allocates %,d bytes of the Java heap (median; mean %,d)%n",
                median.allocations().median(),
                median.allocations().mean());
        out.printf("  the median run's time:%n");
        account(median)
                .forEach(
                        (part, seconds) ->
                                out.printf(
                                        Locale.ROOT,
                                        "    %-10s %8.2f s  %s%n",
                                        part,
                                        seconds,
                                        Format.percent(seconds, median.seconds())));
        out.flush();
    }

    static ObjectNode json(List<Outcome> runs, double warmUpSeconds) {
        Outcome median = median(runs);
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("seconds", median.seconds());
        json.put("output_tokens_per_second", median.outputTokensPerSecond());
        json.put("prompt_tokens", median.promptTokens());
        json.put("output_tokens", median.outputTokens());
        json.put("hit_ratio", (double) median.cachedTokens() / median.promptTokens());
        json.put("ideal_hit_ratio", (double) median.idealCachedTokens() / median.promptTokens());
        json.put("steps", median.steps());
        json.put("allocated_bytes_per_step", median.allocations().median());
        json.put("mean_allocated_bytes_per_step", median.allocations().mean());
        json.put("preemptions", median.after().preemptions() - median.before().preemptions());
        json.put("draft_tokens", median.drafts().draftTokens());
        json.put("accepted_tokens", median.drafts().acceptedTokens());
        json.put("warm_up_seconds", warmUpSeconds);
        ObjectNode account = json.putObject("account_seconds");
        account(median).forEach(account::put);
        var all = json.putArray("runs_seconds");
        runs.forEach(run -> all.add(run.seconds()));
        return json;
    }

    /**
     * Of a single stream.
     *
     * @param rates per run its tokens per second of prefill and of decode
     */
    static ObjectNode json(List<double[]> rates) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        putRates(json, "prefill_tokens_per_second", rates.stream().map(rate -> rate[0]));
        putRates(json, "decode_tokens_per_second", rates.stream().map(rate -> rate[1]));
        return json;
    }

    /** The median, of an even number the lower of the middle two, and all. */
    private static void putRates(ObjectNode json, String name, Stream<Double> rates) {
        List<Double> all = rates.toList();
        json.put(name, all.stream().sorted().toList().get((all.size() - 1) / 2));
        var array = json.putArray("runs_" + name);
        all.forEach(array::add);
    }
}
