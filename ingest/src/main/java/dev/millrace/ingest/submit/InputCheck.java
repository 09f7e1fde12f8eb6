package dev.millrace.ingest.submit;

import dev.millrace.ingest.openai.BatchLineParser;
import dev.millrace.ingest.openai.JobDefaults;
import dev.millrace.schemas.Endpoint;
import dev.millrace.schemas.PromptJob;

import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether a file is one of OpenAI batch lines at all. Reads up to the first line that can be
 * understood, so a good file costs one line; only a file without such a line is read to its end.
 *
 * @param model that the first good line asks for; null when there is none
 * @param problems of the first lines, when none is good; empty else, or when the file has no line
 * @param lines how many were read that are not blank
 */
public record InputCheck(String model, List<Problem> problems, long lines) {
    /**
     * What is wrong with a line.
     *
     * @param param the field, or null
     */
    public record Problem(long line, String code, String message, String param) {}

    private static final int LISTED_MAX = 100;

    public InputCheck {
        problems = List.copyOf(problems);
    }

    /** Whether there is a line that can be answered. */
    public boolean isGood() {
        return model != null;
    }

    /**
     * Checks a stream, which is not closed.
     *
     * @param lineBytesMax longer lines are bad
     * @param endpoint the only one that is good; null for any
     */
    public static InputCheck of(InputStream in, int lineBytesMax, Endpoint endpoint)
            throws IOException {
        LineReader reader = new LineReader(in, lineBytesMax);
        BatchLineParser parser = new BatchLineParser(lineBytesMax);
        JobDefaults defaults = JobDefaults.noBatch(Instant.EPOCH);
        List<Problem> problems = new ArrayList<>();
        long lines = 0;
        for (LineReader.Line line = reader.next(); line != null; line = reader.next()) {
            if (line.text() != null && line.text().isBlank()) {
                continue;
            }
            lines++;
            PromptJob job =
                    line.text() != null
                            ? parser.parse(line.text(), line.number(), defaults)
                            : parser.reject(
                                    line.number(), defaults, "invalid_json_line", line.problem());
            BatchRules.requireEndpoint(job, endpoint, line.number());
            if (job.getRejection() == null) {
                return new InputCheck(job.getModel(), List.of(), lines);
            }
            if (problems.size() < LISTED_MAX) {
                problems.add(problem(line.number(), job));
            }
        }
        return new InputCheck(null, problems, lines);
    }

    private static Problem problem(long line, PromptJob job) {
        var rejection = job.getRejection();
        String message = rejection.getMessage().replaceFirst("^line \\d+[:,] ", "");
        return new Problem(line, rejection.getCode(), message, rejection.getParam());
    }
}
