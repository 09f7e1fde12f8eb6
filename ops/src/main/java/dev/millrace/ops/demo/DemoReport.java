package dev.millrace.ops.demo;

import dev.millrace.ops.cli.Format;
import dev.millrace.ops.demo.Promised.Score;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The demonstration's report as text.
 *
 * @param startup from the start of the process to the first completion
 * @param runSeconds from the first published prompt to the last completion
 * @param batchState what the batches topic says at the end
 */
public record DemoReport(
        Outcome outcome,
        Promised promised,
        Startup startup,
        double runSeconds,
        String batchState) {

    /** Whether everything that the demonstration promises was kept. */
    public boolean passed() {
        return outcome.exactlyOnce()
                && outcome.accurate(promised)
                && batchState.equals("COMPLETED");
    }

    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        lines.add(
                String.format(
                        Locale.ROOT,
                        "%s prompts: %s completed + %s failed = %s answered; %s lost, %s doubled;"
                            + " batch %s",
                        Format.count(outcome.prompts()),
                        Format.count(outcome.completed()),
                        Format.count(outcome.failed()),
                        Format.count(outcome.completed() + outcome.failed()),
                        Format.count(outcome.lost()),
                        Format.count(outcome.doubled()),
                        batchState));
        lines.add("");
        lines.add("task       exact match          README says");
        promised.perTask()
                .forEach((task, score) -> lines.add(row(task, outcome.perTask().get(task), score)));
        lines.add(row("all", outcome.all(), promised.all()));
        lines.add("");
        lines.add(
                String.format(
                        Locale.ROOT,
                        "tokens     %s in (%s from the prefix cache), %s out",
                        Format.count(outcome.promptTokens()),
                        Format.percent(outcome.cachedTokens(), outcome.promptTokens()),
                        Format.count(outcome.completionTokens())));
        lines.add(
                String.format(
                        Locale.ROOT,
                        "speed      %s tok/s in, %s tok/s out, %s prompts/s over %s",
                        rate(outcome.promptTokens()),
                        rate(outcome.completionTokens()),
                        rate(outcome.answered()),
                        Format.duration(runSeconds)));
        lines.add(
                "start      first completion "
                        + Format.duration(startup.seconds())
                        + " after the process began, of "
                        + Format.duration(startup.processorSeconds())
                        + " processor time");
        return lines;
    }

    private String rate(long n) {
        return Format.count(Math.round(n / runSeconds));
    }

    private static String row(String task, Score reached, Score promised) {
        return String.format(
                Locale.ROOT,
                "%-10s %-20s %s",
                task,
                reached == null ? "no answer" : text(reached),
                text(promised));
    }

    private static String text(Score score) {
        return String.format(
                Locale.ROOT,
                "%d of %d (%s)",
                score.right(),
                score.of(),
                Format.percent(score.right(), score.of()));
    }

    /** Where to look next. */
    public static List<String> nextSteps(Map<String, String> files) {
        List<String> lines = new ArrayList<>();
        files.forEach((what, where) -> lines.add(String.format("%-22s %s", what, where)));
        return lines;
    }
}
