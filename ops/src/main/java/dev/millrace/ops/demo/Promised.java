package dev.millrace.ops.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the model's README says it reaches: its accuracy table, first column of figures.
 *
 * @param perTask right answers and prompts by task
 * @param all right answers and prompts in all
 */
public record Promised(Map<String, Score> perTask, Score all) {
    private static final Pattern ROW =
            Pattern.compile(
                    "^\\| \\**([a-z]+)\\** \\| \\**([0-9,]+) of ([0-9,]+)\\** \\|.*",
                    Pattern.MULTILINE);

    /** So many right of so many. */
    public record Score(int right, int of) {
        public double share() {
            return of == 0 ? 0 : (double) right / of;
        }
    }

    /** Reads README.md of a model's folder; an error names the file when the table is not there. */
    public static Promised read(Path modelDir) {
        Path file = modelDir.resolve("README.md");
        Map<String, Score> tasks = new TreeMap<>();
        try {
            Matcher row = ROW.matcher(Files.readString(file));
            while (row.find()) {
                tasks.put(row.group(1), new Score(number(row.group(2)), number(row.group(3))));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
        Score all = tasks.remove("all");
        if (all == null || tasks.isEmpty()) {
            throw new IllegalStateException(
                    file + " has no accuracy table with a row for each task and one for all");
        }
        return new Promised(tasks, all);
    }

    private static int number(String text) {
        return Integer.parseInt(text.replace(",", ""));
    }
}
