package dev.millrace.ops.plan;

import dev.millrace.schemas.Topics;
import dev.millrace.schemas.WorkerStats;
import dev.millrace.sink.table.CompactedTable;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;

/** Where the rates of a worker come from: two numbers, a file, or what workers have reported. */
public final class RateSource {
    private static final Duration READ_TIMEOUT = Duration.ofSeconds(30);

    private RateSource() {}

    /** {@code IN,OUT} in tokens per second. */
    public static WorkerRate numbers(String text) {
        String[] parts = text.split(",");
        if (parts.length != 2) {
            throw new IllegalArgumentException(
                    "two numbers are needed, IN,OUT, not '" + text + "'");
        }
        try {
            return new WorkerRate(
                    Double.parseDouble(parts[0].trim()),
                    Double.parseDouble(parts[1].trim()),
                    "as given");
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not IN,OUT in tokens/s", e);
        }
    }

    /** Java properties {@code prompt_tokens_per_second} and {@code output_tokens_per_second}. */
    public static WorkerRate file(Path file) {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        } catch (IOException e) {
            throw new IllegalArgumentException("rates cannot be read from " + file, e);
        }
        return new WorkerRate(
                property(properties, "prompt_tokens_per_second", file),
                property(properties, "output_tokens_per_second", file),
                "from " + file);
    }

    private static double property(Properties properties, String name, Path file) {
        String value = properties.getProperty(name);
        try {
            return Double.parseDouble(value == null ? "" : value.trim());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(file + ": " + name + " must be a number", e);
        }
    }

    /**
     * What the workers of a pool have done since they started, per worker. Their clock also runs
     * while they wait for jobs and both kinds of work share it, so this is what they reached at
     * least: a worker that was idle half of the time looks half as fast.
     */
    public static WorkerRate workerStats(Map<String, Object> clientProperties, String pool) {
        try (CompactedTable<WorkerStats> table =
                CompactedTable.open(clientProperties, Topics.WORKER_STATS, WorkerStats.class)) {
            table.readToEnd(READ_TIMEOUT);
            return of(
                    table.entries().values().stream()
                            .filter(stats -> stats.getPool().equals(pool))
                            .filter(stats -> stats.getCompletionTokens() > 0)
                            .toList(),
                    pool);
        }
    }

    /**
     * One clock, two kinds of work: a token generated costs as much as {@value #OUTPUT_WEIGHT}
     * prompt tokens here, which splits the time between them. For other loads than the measured one
     * give numbers of your own.
     */
    static WorkerRate of(List<WorkerStats> workers, String pool) {
        double prompt = 0;
        double output = 0;
        double seconds = 0;
        for (WorkerStats stats : workers) {
            prompt += stats.getPromptTokens() - stats.getCachedTokens();
            output += stats.getCompletionTokens();
            seconds += Duration.between(stats.getStartedAt(), stats.getAt()).toMillis() / 1000.0;
        }
        if (seconds <= 0 || output <= 0) {
            throw new IllegalStateException(
                    "no worker of pool '"
                            + pool
                            + "' has generated a token yet; let one run for a while, or give"
                            + " --rate-from IN,OUT");
        }
        double weighted = prompt + OUTPUT_WEIGHT * output;
        double promptRate = weighted / seconds;
        return new WorkerRate(
                promptRate,
                promptRate / OUTPUT_WEIGHT,
                String.format(
                        Locale.ROOT,
                        "%d worker%s of pool %s over %.0f s since their start, idle time included",
                        workers.size(),
                        workers.size() == 1 ? "" : "s",
                        pool,
                        seconds / workers.size()));
    }

    /** Decoding is bound by memory, prompts by arithmetic: an order of magnitude apart. */
    static final double OUTPUT_WEIGHT = 10;
}
