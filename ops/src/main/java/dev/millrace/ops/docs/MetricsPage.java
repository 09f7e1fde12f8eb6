package dev.millrace.ops.docs;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes docs/metrics.md out of what the roles export, so that the page cannot say anything else.
 */
public final class MetricsPage {
    private static final Pattern HELP = Pattern.compile("# HELP (\\S+) ?(.*)");
    private static final Pattern TYPE = Pattern.compile("# TYPE (\\S+) (\\S+)");
    private static final Pattern SAMPLE = Pattern.compile("(\\w+)(?:\\{(.*)})? \\S+");
    private static final Pattern LABEL = Pattern.compile("(\\w+)=\"");

    private MetricsPage() {}

    /** One metric, as its role exports it. */
    private static final class Family {
        String help = "";
        String type = "";
        final TreeSet<String> labels = new TreeSet<>();
    }

    /**
     * The table of one role as Markdown.
     *
     * @param scrape Prometheus text
     */
    public static String table(String scrape) {
        StringBuilder text =
                new StringBuilder("| metric | type | labels | what it says |\n|---|---|---|---|\n");
        families(scrape)
                .forEach(
                        (name, family) ->
                                text.append("| `")
                                        .append(name)
                                        .append("` | ")
                                        .append(family.type)
                                        .append(" | ")
                                        .append(String.join(", ", family.labels))
                                        .append(" | ")
                                        .append(family.help)
                                        .append(" |\n"));
        return text.toString();
    }

    /** Names of the metrics and of their series, as a query may use them. */
    public static List<String> seriesNames(String scrape) {
        TreeSet<String> names = new TreeSet<>(families(scrape).keySet());
        Matcher sample = SAMPLE.matcher("");
        for (String line : scrape.split("\n")) {
            if (sample.reset(line).matches()) {
                names.add(sample.group(1));
            }
        }
        return new ArrayList<>(names);
    }

    private static Map<String, Family> families(String scrape) {
        Map<String, Family> families = new TreeMap<>();
        Family current = null;
        for (String line : scrape.split("\n")) {
            Matcher help = HELP.matcher(line);
            Matcher type = TYPE.matcher(line);
            Matcher sample = SAMPLE.matcher(line);
            if (help.matches()) {
                families.computeIfAbsent(help.group(1), n -> new Family()).help = help.group(2);
            } else if (type.matches()) {
                current = families.computeIfAbsent(type.group(1), n -> new Family());
                current.type = type.group(2);
            } else if (sample.matches() && current != null && sample.group(2) != null) {
                Matcher label = LABEL.matcher(sample.group(2));
                while (label.find()) {
                    if (!label.group(1).equals("le")) {
                        current.labels.add(label.group(1));
                    }
                }
            }
        }

        List<String> maxima =
                families.keySet().stream().filter(name -> name.endsWith("_max")).toList();
        // The largest value of a window comes with each histogram and needs no line of its own.
        maxima.forEach(families::remove);
        return families;
    }
}
