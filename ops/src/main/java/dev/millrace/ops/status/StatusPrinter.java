package dev.millrace.ops.status;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.WorkerStats;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** A snapshot as text for a terminal, at most some 120 columns wide. */
public final class StatusPrinter {
    private static final int BAR_CELLS = 24;
    private static final int MAX_BATCHES = 20;

    private StatusPrinter() {}

    /** The whole status, several lines, a line feed after each. */
    public static String text(StatusSnapshot status) {
        StringBuilder text = new StringBuilder();
        addBatches(text, status.batches());
        addWorkers(text, status);
        addLags(text, status.lags());
        return text.toString();
    }

    private static void addBatches(StringBuilder text, List<BatchRow> batches) {
        if (batches.isEmpty()) {
            text.append("No batches yet.\n");
            return;
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"BATCH", "STATUS", "PROGRESS", "", "DONE", "FAILED", "JOBS/S", "TIME LEFT"});
        batches.stream().limit(MAX_BATCHES).forEach(batch -> rows.add(batchCells(batch)));
        addTable(text, rows);
        batches.stream().limit(MAX_BATCHES).filter(batch -> batch.holdReason() != null)
                .forEach(batch -> text.append(batch.progress().getBatchId()).append(" waits: ")
                        .append(batch.holdReason()).append('\n'));
        if (batches.size() > MAX_BATCHES) {
            text.append("and ").append(batches.size() - MAX_BATCHES).append(" more\n");
        }
    }

    private static String[] batchCells(BatchRow batch) {
        BatchProgress progress = batch.progress();
        long notCompleted = progress.getFailed() + progress.getExpired() + progress.getCancelled();
        return new String[] {
            progress.getBatchId(),
            progress.getStatus().name(),
            bar(batch.ended(), progress.getTotal()),
            share(batch.ended(), progress.getTotal()),
            count(batch.ended()) + "/" + count(progress.getTotal()),
            count(notCompleted),
            rate(batch.jobsPerSecond()),
            timeLeft(batch)};
    }

    private static String timeLeft(BatchRow batch) {
        if (batch.hasEnded()) {
            return "-";
        }
        OptionalDouble left = batch.secondsLeft();
        return left.isPresent() ? duration(left.getAsDouble()) : "unknown";
    }

    private static void addWorkers(StringBuilder text, StatusSnapshot status) {
        text.append('\n');
        if (status.workers().isEmpty()) {
            text.append("No workers in pool ").append(status.pool()).append(".\n");
            return;
        }
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"WORKER", "STATE", "MODEL", "DEVICE", "RUNNING", "WAITING", "KV USED",
                "TOK/S IN", "TOK/S OUT", "PARTITIONS"});
        status.workers().forEach(worker -> rows.add(workerCells(worker)));
        addTable(text, rows);
        status.workers().stream()
                .filter(worker -> worker.isLive() && worker.stats().getHoldReason() != null)
                .forEach(worker -> text.append(HoldReasons.of(worker)).append('\n'));
        text.append(String.format(Locale.ROOT,
                "%s tok/s in, %s tok/s out, %s of prompt tokens from the prefix cache%s\n",
                count(Math.round(status.promptTokensPerSecond())),
                count(Math.round(status.completionTokensPerSecond())),
                status.cachedShare().isPresent() ? percent(status.cachedShare().getAsDouble()) : "none",
                status.idealCachedShare().isPresent()
                        ? " (ideal " + percent(status.idealCachedShare().getAsDouble()) + ")"
                        : ""));
    }

    private static String[] workerCells(WorkerRow worker) {
        WorkerStats stats = worker.stats();
        boolean live = worker.isLive();
        String silence = live ? "" : " " + duration(worker.silentFor().toMillis() / 1000.0) + " ago";
        return new String[] {
            stats.getWorkerId(),
            worker.state() + silence,
            stats.getModel(),
            stats.getDevice(),
            count(stats.getRunning()),
            count(stats.getWaiting()),
            share(stats.getKvBlocksUsed(), stats.getKvBlocksTotal()),
            live ? count(Math.round(stats.getPromptTokensPerSecond())) : "-",
            live ? count(Math.round(stats.getCompletionTokensPerSecond())) : "-",
            stats.getAssignedPartitions().toString()};
    }

    private static void addLags(StringBuilder text, List<TopicLag> lags) {
        text.append('\n');
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"TOPIC", "UNFINISHED", "GROUP"});
        lags.forEach(lag -> rows.add(new String[] {lag.topic(), count(lag.records()), lag.group()}));
        addTable(text, rows);
    }

    /** Columns as wide as their widest cell, two spaces between. */
    private static void addTable(StringBuilder text, List<String[]> rows) {
        int[] widths = new int[rows.getFirst().length];
        for (String[] row : rows) {
            for (int column = 0; column < row.length; column++) {
                widths[column] = Math.max(widths[column], row[column].length());
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < row.length; column++) {
                line.append(row[column]).append(" ".repeat(widths[column] - row[column].length() + 2));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
    }

    static String bar(long done, long total) {
        int full = total <= 0 ? 0 : (int) Math.min(BAR_CELLS, BAR_CELLS * done / total);
        return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
    }

    static String duration(double seconds) {
        Duration time = Duration.ofMillis(Math.round(seconds * 1000));
        if (time.toMinutes() < 1) {
            return time.toSeconds() + " s";
        }
        return time.toHours() < 1
                ? String.format(Locale.ROOT, "%d min %02d s", time.toMinutes(), time.toSecondsPart())
                : String.format(Locale.ROOT, "%d h %02d min", time.toHours(), time.toMinutesPart());
    }

    private static String share(long part, long whole) {
        return whole <= 0 ? "-" : percent((double) part / whole);
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private static String rate(OptionalDouble perSecond) {
        return perSecond.isPresent() ? String.format(Locale.ROOT, "%,.1f", perSecond.getAsDouble()) : "-";
    }

    private static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }
}
