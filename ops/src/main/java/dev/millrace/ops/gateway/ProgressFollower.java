package dev.millrace.ops.gateway;

import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.WorkerStats;
import dev.millrace.sink.results.BatchWatch;
import dev.millrace.sink.table.CompactedTable;

import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Follows the batches topic and the workers' reports in one thread. When reading fails it begins
 * again from the start.
 */
final class ProgressFollower implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ProgressFollower.class);
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration READ_TIMEOUT = Duration.ofMinutes(5);
    private static final Duration SILENT_WORKER = Duration.ofSeconds(60);
    private static final long RETRY_SECONDS = 2;
    private static final long CLOSE_SECONDS = 5;

    private final Map<String, Object> clientProperties;
    private final InstantSource clock;
    private final Listener listener;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final CountDownLatch caughtUp = new CountDownLatch(1);
    private final Thread thread;
    private volatile Set<String> models = Set.of();

    /** Hears what is known, in the follower's thread. */
    interface Listener {
        /**
         * Something may have changed.
         *
         * @param progress of a batch by its id; null for nothing yet
         */
        void onProgress(Function<String, BatchProgress> progress);
    }

    ProgressFollower(Map<String, Object> clientProperties, InstantSource clock, Listener listener) {
        this.clientProperties = clientProperties;
        this.clock = clock;
        this.listener = listener;
        this.thread = Thread.ofPlatform().daemon().name("gateway-follow").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Whether everything that was known at the start has been read. */
    boolean isCaughtUp() {
        return caughtUp.getCount() == 0;
    }

    /** Names of the models that live workers answer for. */
    Set<String> models() {
        return models;
    }

    private void run() {
        while (stopping.getCount() > 0) {
            try {
                follow();
            } catch (InterruptException e) {
                return;
            } catch (RuntimeException e) {
                LOG.warn("batch progress cannot be read, trying again: {}", e.getMessage());
                pause();
            }
        }
    }

    private void pause() {
        try {
            stopping.await(RETRY_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            stopping.countDown();
        }
    }

    private void follow() {
        try (CompactedTable<BatchProgress> batches = BatchWatch.openTable(clientProperties);
                CompactedTable<WorkerStats> workers =
                        CompactedTable.open(
                                clientProperties, Topics.WORKER_STATS, WorkerStats.class)) {
            batches.readToEnd(READ_TIMEOUT);
            workers.readToEnd(READ_TIMEOUT);
            while (stopping.getCount() > 0) {
                noteModels(workers);
                listener.onProgress(batches::get);
                caughtUp.countDown();
                batches.poll(POLL);
                workers.poll(Duration.ZERO);
            }
        }
    }

    private void noteModels(CompactedTable<WorkerStats> workers) {
        Instant heardSince = clock.instant().minus(SILENT_WORKER);
        Set<String> live = new TreeSet<>();
        for (WorkerStats worker : workers.entries().values()) {
            if (!worker.getState().equals("STOPPED") && worker.getAt().isAfter(heardSince)) {
                live.add(worker.getModel());
            }
        }
        models = live;
    }

    @Override
    public void close() {
        stopping.countDown();
        try {
            if (thread.isAlive() && !thread.join(Duration.ofSeconds(CLOSE_SECONDS))) {
                thread.interrupt();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
