package dev.millrace.ops.gateway;

import dev.millrace.ops.gateway.Batch.Problem;
import dev.millrace.ops.gateway.Batch.Results;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.BatchStatus;
import dev.millrace.sink.results.ResultsExporter;
import dev.millrace.sink.results.ResultsReport;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Writes the result files of batches whose jobs have all ended, one batch at a time. What fails is
 * tried again; an export that a crash cut off begins again under the same file ids.
 */
final class Exports implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Exports.class);
    private static final long RETRY_SECONDS = 10;
    private static final long CLOSE_SECONDS = 5;

    private final GatewayConfig config;
    private final FileStore files;
    private final BatchStore batches;
    private final Ids ids;
    private final InstantSource clock;
    private final Set<String> queued = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().daemon().name("gateway-export").factory());

    Exports(
            GatewayConfig config,
            FileStore files,
            BatchStore batches,
            Ids ids,
            InstantSource clock) {
        this.config = config;
        this.files = files;
        this.batches = batches;
        this.ids = ids;
        this.clock = clock;
    }

    /**
     * Exports a batch that is FINALIZING or CANCELLING; nothing happens if it is queued already.
     */
    void queue(String batchId) {
        if (queued.add(batchId)) {
            thread.execute(() -> run(batchId));
        }
    }

    private void run(String batchId) {
        try {
            export(batchId);
            queued.remove(batchId);
        } catch (IOException | RuntimeException e) {
            if (!thread.isShutdown()) {
                LOG.warn("results of batch {} are written again soon: {}", batchId, e.getMessage());
                thread.schedule(() -> run(batchId), RETRY_SECONDS, TimeUnit.SECONDS);
            }
        }
    }

    private void export(String batchId) throws IOException {
        Results planned =
                batches.update(
                        batchId,
                        b -> {
                            if (b.planned == null) {
                                b.planned = new Results(ids.next(Ids.FILE), ids.next(Ids.FILE));
                            }
                            return b.planned;
                        });
        Path output = files.incoming(batchId + ".output");
        Path errors = files.incoming(batchId + ".error");
        ResultsReport report =
                new ResultsExporter(config.clientProperties()).export(batchId, output, errors);
        Batch batch = batches.read(batchId, b -> b);
        Results results =
                new Results(
                        store(batch, output, planned.outputFileId(), report.completed(), "output"),
                        store(batch, errors, planned.errorFileId(), report.failed(), "error"));
        batches.update(
                batchId,
                b -> {
                    b.problems = problems(report);
                    b.end(
                            ending(b, report.progress()),
                            report.progress(),
                            results,
                            clock.instant());
                    return b;
                });
        LOG.info("batch {} has ended: {}", batchId, report.summary());
    }

    /** The id of the stored file, or null where there was no line to store. */
    private String store(Batch batch, Path written, String id, long lines, String kind)
            throws IOException {
        if (lines == 0) {
            Files.delete(written);
            return null;
        }
        Instant now = clock.instant();
        Long ttl = batch.request.outputTtlSeconds();
        if (ttl == null && config.fileTtl() != null) {
            ttl = config.fileTtl().toSeconds();
        }
        StoredFile file =
                new StoredFile(
                        id,
                        batch.tenant,
                        batch.id + "_" + kind + ".jsonl",
                        StoredFile.BATCH_OUTPUT,
                        Files.size(written),
                        now.getEpochSecond(),
                        ttl == null ? null : now.getEpochSecond() + ttl,
                        null,
                        null);
        return files.add(written, file).id();
    }

    private static BatchStatus ending(Batch batch, BatchProgress progress) {
        if (batch.status == BatchStatus.CANCELLING) {
            return BatchStatus.CANCELLED;
        }
        return switch (progress.getStatus()) {
            case CANCELLED, EXPIRED -> progress.getStatus();
            default -> BatchStatus.COMPLETED;
        };
    }

    /** What the client should know of a batch that has ended in spite of it. */
    private static List<Problem> problems(ResultsReport report) {
        List<Problem> problems = new ArrayList<>();
        BatchProgress progress = report.progress();
        if (progress.getDuplicates() > 0 && progress.getSubmissions().size() == 1) {
            String message =
                    progress.getDuplicates()
                            + " lines repeat a custom_id that stands before them in the file; only"
                            + " the first line of each was run.";
            problems.add(new Problem("duplicate_custom_id", null, message, "custom_id"));
        }
        if (!report.isWhole()) {
            problems.add(new Problem("results_incomplete", null, report.summary(), null));
        }
        return problems;
    }

    @Override
    public void close() {
        thread.shutdownNow();
        try {
            thread.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
