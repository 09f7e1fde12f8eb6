package dev.millrace.ops.gateway;

import dev.millrace.ingest.submit.InputCheck;
import dev.millrace.ingest.submit.JobSubmitter;
import dev.millrace.ingest.submit.SubmitConfig;
import dev.millrace.ingest.submit.SubmitException;
import dev.millrace.ingest.submit.SubmitListener;
import dev.millrace.ingest.submit.SubmitReport;
import dev.millrace.ops.gateway.Batch.Problem;
import dev.millrace.schemas.BatchStatus;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Publishes the input files of batches in the background, a few at a time, oldest first. What fails
 * because Kafka or the registry is away is tried again until it works: jobs that are there already
 * are dropped as duplicates.
 */
final class Submissions implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Submissions.class);
    private static final int LINE_BYTES_MAX = 64 << 20;
    private static final int READ_BYTES = 1 << 18;
    private static final long RETRY_SECONDS_MAX = 60;
    private static final long CLOSE_SECONDS = 10;

    private final FileStore files;
    private final BatchStore batches;
    private final InstantSource clock;
    private final Map<String, Object> clientProperties;
    private final ScheduledExecutorService threads;
    private final Map<String, WholeLines> running = new ConcurrentHashMap<>();
    private volatile boolean closed;

    Submissions(GatewayConfig config, FileStore files, BatchStore batches, InstantSource clock) {
        this.files = files;
        this.batches = batches;
        this.clock = clock;
        this.clientProperties = new HashMap<>(config.clientProperties());
        // Several submissions may run beside all other roles in one small heap.
        clientProperties.putIfAbsent("buffer.memory", 32L << 20);
        this.threads =
                Executors.newScheduledThreadPool(
                        config.submissionsMax(),
                        Thread.ofPlatform().daemon().name("gateway-submit-", 0).factory());
    }

    /** Checks and publishes a batch's file as soon as there is room. */
    void queue(String batchId) {
        queue(batchId, 0);
    }

    private void queue(String batchId, int attempt) {
        long delay = attempt == 0 ? 0 : Math.min(RETRY_SECONDS_MAX, 1L << Math.min(attempt, 6));
        threads.schedule(() -> run(batchId, attempt), delay, TimeUnit.SECONDS);
    }

    /** Publishes no more lines of a batch; those that are published stay. */
    void stop(String batchId) {
        WholeLines lines = running.get(batchId);
        if (lines != null) {
            lines.end();
        }
    }

    private void run(String batchId, int attempt) {
        if (closed || !batches.read(batchId, Batch::readsInput)) {
            return;
        }
        try {
            if (isValid(batchId)) {
                publish(batchId);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | RuntimeException e) {
            if (!closed) {
                LOG.warn(
                        "batch {} is not published yet, trying again: {}", batchId, e.getMessage());
                queue(batchId, attempt + 1);
            }
        }
    }

    /** Whether the file is one of request lines; a batch without one fails. */
    private boolean isValid(String batchId) throws IOException {
        Batch batch = batches.read(batchId, b -> b);
        if (batches.read(batchId, b -> b.status != BatchStatus.VALIDATING)) {
            return true;
        }
        String fileId = batch.request.inputFileId();
        if (files.find(batch.tenant, fileId) == null) {
            fail(
                    batchId,
                    List.of(new Problem("file_not_found", null, "The input file is gone.", null)));
            return false;
        }
        InputCheck check;
        try (InputStream in = new BufferedInputStream(files.open(fileId), READ_BYTES)) {
            check = InputCheck.of(in, LINE_BYTES_MAX, batch.request.contractEndpoint());
        }
        if (!check.isGood()) {
            fail(batchId, problems(check));
            return false;
        }
        return batches.update(
                batchId,
                b -> {
                    b.model = check.model();
                    if (b.status == BatchStatus.VALIDATING) {
                        b.move(BatchStatus.IN_PROGRESS, clock.instant());
                    }
                    return !b.hasEnded();
                });
    }

    private static List<Problem> problems(InputCheck check) {
        return check.lines() == 0
                ? List.of(new Problem("empty_file", null, "The file has no request lines.", null))
                : check.problems().stream().map(Problem::of).toList();
    }

    private void fail(String batchId, List<Problem> problems) {
        batches.update(
                batchId,
                b -> {
                    if (b.status == BatchStatus.VALIDATING) {
                        b.fail(problems, clock.instant());
                    }
                    return b;
                });
    }

    private void publish(String batchId) throws IOException, InterruptedException {
        Batch batch = batches.read(batchId, b -> b);
        String submissionId = UUID.randomUUID().toString();
        try (InputStream file =
                        new BufferedInputStream(
                                files.open(batch.request.inputFileId()), READ_BYTES);
                WholeLines lines = new WholeLines(file)) {
            running.put(batchId, lines);
            switch (begin(batchId, submissionId)) {
                case CANCELLED -> {
                    return;
                }
                case CANCELLING -> lines.end();
                default -> {}
            }
            if (closed) {
                lines.abort();
            }
            SubmitReport report = submit(batch, submissionId, lines);
            batches.update(
                    batchId,
                    b -> {
                        b.lines = report.lines();
                        b.submitted = true;
                        return b;
                    });
        } catch (SubmitException e) {
            throw new IOException(e.getMessage(), e);
        } finally {
            running.remove(batchId);
        }
    }

    /**
     * Notes the run before its first record. Says the status: a batch may have been cancelled
     * meanwhile, with nothing published (CANCELLED) or by a run before this one (CANCELLING), which
     * must still be sealed.
     */
    private BatchStatus begin(String batchId, String submissionId) {
        return batches.update(
                batchId,
                b -> {
                    if (!b.hasEnded()) {
                        b.submissionId = submissionId;
                    }
                    return b.status;
                });
    }

    private SubmitReport submit(Batch batch, String submissionId, WholeLines lines)
            throws InterruptedException {
        Instant deadline = batch.expiresAt();
        SubmitConfig config =
                SubmitConfig.defaults(clientProperties, batch.id, submissionId)
                        .withTenant(batch.tenant)
                        .withMetadata(batch.request.metadata())
                        .withRules(deadline, batch.request.contractEndpoint());
        SubmitListener listener =
                new SubmitListener() {
                    @Override
                    public void progress(long read, long published, long bytes) {
                        batches.read(batch.id, b -> b.lines = Math.max(b.lines, published));
                    }
                };
        try (JobSubmitter submitter = new JobSubmitter(config, clock)) {
            return submitter.submit(lines, batch.request.inputFileId(), listener);
        }
    }

    @Override
    public void close() {
        closed = true;
        running.values().forEach(WholeLines::abort);
        threads.shutdownNow();
        try {
            threads.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
