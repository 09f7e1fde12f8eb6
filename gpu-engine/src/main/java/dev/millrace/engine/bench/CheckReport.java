package dev.millrace.engine.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

/** What a check found, stage by stage: printed as it comes, kept as JSON and Markdown. */
final class CheckReport {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final ObjectNode root = JSON.createObjectNode();
    private final ArrayNode stages = root.putArray("stages");
    private final PrintStream out;
    private final InstantSource clock;
    private final long deadlineMs;
    private int failures;

    /** Work of a stage; it fills the table. */
    @FunctionalInterface
    interface Stage {
        void run(Table table) throws IOException, InterruptedException;
    }

    /** Rows of text under named columns. */
    static final class Table {
        private final List<String> columns;
        private final List<List<String>> rows = new ArrayList<>();
        private final List<String> failures = new ArrayList<>();

        private Table(List<String> columns) {
            this.columns = columns;
        }

        void row(Object... cells) {
            rows.add(List.of(cells).stream().map(Object::toString).toList());
        }

        /** Notes that something is wrong: the whole check fails. */
        void failure(String what) {
            failures.add(what);
        }
    }

    CheckReport(PrintStream out, InstantSource clock, long budgetMs) {
        this.out = out;
        this.clock = clock;
        deadlineMs = clock.millis() + budgetMs;
        root.put("started", clock.instant().toString());
    }

    /** Milliseconds left for everything. */
    long leftMs() {
        return deadlineMs - clock.millis();
    }

    /**
     * Runs a stage, unless too little time is left; a failing one does not end the check.
     *
     * @param needsMs least time that the stage is worth starting with
     */
    void stage(String name, long needsMs, List<String> columns, Stage stage) {
        ObjectNode node = stages.addObject().put("name", name);
        Table table = new Table(columns);
        long begin = clock.millis();
        if (leftMs() < needsMs) {
            node.put("skipped", "no time left");
            out.println("== " + name + ": skipped, no time left");
            return;
        }
        out.println("== " + name);
        try {
            stage.run(table);
        } catch (IOException | RuntimeException e) {
            table.failure(e.getClass().getSimpleName() + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            table.failure("interrupted");
        }
        node.put("seconds", (clock.millis() - begin) / 1000.0);
        record(node, table);
    }

    private void record(ObjectNode node, Table table) {
        ArrayNode rows = node.putArray("rows");
        for (List<String> cells : table.rows) {
            ObjectNode row = rows.addObject();
            for (int i = 0; i < cells.size(); i++) {
                row.put(table.columns.get(i), cells.get(i));
            }
            out.println("  " + String.join(" | ", cells));
        }
        ArrayNode wrong = node.putArray("failures");
        for (String failure : table.failures) {
            wrong.add(failure);
            out.println("  FAILED: " + failure);
        }
        failures += table.failures.size();
    }

    int failures() {
        return failures;
    }

    /** Writes report.json and report.md. */
    void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        root.put("failures", failures);
        JSON.writerWithDefaultPrettyPrinter()
                .writeValue(folder.resolve("report.json").toFile(), root);
        StringBuilder text =
                new StringBuilder(
                        "# GPU check of "
                                + root.get("started").asText()
                                + "\n\n"
                                + failures
                                + " failures.\n");
        for (var stage : stages) {
            text.append("\n## ").append(stage.get("name").asText()).append("\n\n");
            if (stage.has("skipped")) {
                text.append("Skipped: ").append(stage.get("skipped").asText()).append(".\n");
                continue;
            }
            appendTable(text, (ArrayNode) stage.get("rows"));
            stage.get("failures")
                    .forEach(
                            failure ->
                                    text.append("\n**Failed:** ")
                                            .append(failure.asText())
                                            .append("\n"));
        }
        Files.writeString(folder.resolve("report.md"), text);
    }

    private static void appendTable(StringBuilder text, ArrayNode rows) {
        if (rows.isEmpty()) {
            return;
        }
        List<String> columns = new ArrayList<>();
        rows.get(0).fieldNames().forEachRemaining(columns::add);
        text.append("| ")
                .append(String.join(" | ", columns))
                .append(" |\n|")
                .append("---|".repeat(columns.size()))
                .append("\n");
        for (var row : rows) {
            text.append("|");
            columns.forEach(
                    column -> text.append(" ").append(row.path(column).asText()).append(" |"));
            text.append("\n");
        }
    }
}
