package dev.millrace.ops.status;

import dev.millrace.ingest.IngestConfig;
import dev.millrace.schemas.BatchProgress;
import dev.millrace.schemas.ControlCommand;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.WorkerStats;
import dev.millrace.sink.SinkConfig;
import dev.millrace.sink.progress.BatchStatuses;
import dev.millrace.sink.results.BatchWatch;
import dev.millrace.sink.results.UnknownBatchException;
import dev.millrace.sink.table.CompactedTable;
import dev.millrace.worker.WorkerConfig;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/**
 * Reads the state of an installation from its topics and consumer groups. The first look reads the compacted
 * topics whole; later ones take what has changed, and know rates. For one thread.
 */
public final class StatusReader implements AutoCloseable {
    private static final Duration READ_TIMEOUT = Duration.ofMinutes(1);
    private static final Duration POLL = Duration.ofMillis(100);

    private final String pool;
    private final InstantSource clock;
    private final CompactedTable<BatchProgress> batches;
    private final CompactedTable<WorkerStats> workers;
    private final CompactedTable<ControlCommand> orders;
    private final TrueLag lag;
    private final RateEstimator rates = new RateEstimator();

    /**
     * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's clients and
     *     the serde understand
     * @param pool whose workers and ready topic are looked at
     * @throws IllegalStateException when a topic is missing or Kafka does not answer
     */
    public StatusReader(Map<String, Object> clientProperties, String pool) {
        this.pool = pool;
        this.clock = InstantSource.system();
        this.lag = new TrueLag(clientProperties);
        Deque<CompactedTable<?>> opened = new ArrayDeque<>();
        try {
            this.batches = BatchWatch.openTable(clientProperties);
            opened.push(batches);
            this.workers = CompactedTable.open(clientProperties, Topics.WORKER_STATS, WorkerStats.class);
            opened.push(workers);
            this.orders = CompactedTable.open(clientProperties, Topics.CONTROL, ControlCommand.class);
        } catch (RuntimeException e) {
            lag.close();
            opened.forEach(CompactedTable::close);
            throw e;
        }
    }

    /**
     * How things are now.
     *
     * @param batchId only this batch, or null for all
     * @throws UnknownBatchException when nothing is known of such a batch
     */
    public StatusSnapshot read(String batchId) {
        batches.readToEnd(READ_TIMEOUT);
        workers.readToEnd(READ_TIMEOUT);
        orders.readToEnd(READ_TIMEOUT);
        Instant now = clock.instant();
        List<TopicLag> lags = List.of(
                lag.of(IngestConfig.DEFAULT_APPLICATION_ID, Topics.PROMPTS),
                lag.of(WorkerConfig.groupFor(pool), Topics.ready(pool)),
                lag.of(SinkConfig.DEFAULT_APPLICATION_ID, Topics.COMPLETIONS));
        List<WorkerRow> crew = workerRows(workers.entries().values(), pool, now);
        return new StatusSnapshot(now, pool, batchRows(batchId, crew, now), crew, lags);
    }

    /** Lets time pass until the next look, and meanwhile takes what comes. */
    public void idle(Duration time) {
        Instant until = clock.instant().plus(time);
        while (clock.instant().isBefore(until)) {
            batches.poll(POLL);
        }
    }

    private List<BatchRow> batchRows(String batchId, List<WorkerRow> crew, Instant now) {
        if (batchId != null && batches.get(batchId) == null) {
            throw new UnknownBatchException(batchId, batches.entries().keySet());
        }
        return batches.entries().values().stream()
                .filter(batch -> batchId == null || batch.getBatchId().equals(batchId))
                .map(batch -> row(batch, crew, now))
                .sorted(Comparator.comparing(BatchRow::hasEnded)
                        .thenComparing(row -> row.progress().getCreatedAt(), Comparator.reverseOrder()))
                .toList();
    }

    private BatchRow row(BatchProgress batch, List<WorkerRow> crew, Instant now) {
        return BatchRow.of(
                batch,
                rates.sample(batch.getBatchId(), BatchStatuses.ended(batch), now),
                HoldReasons.of(batch, orders.entries(), crew));
    }

    static List<WorkerRow> workerRows(Collection<WorkerStats> stats, String pool, Instant now) {
        return stats.stream().filter(worker -> worker.getPool().equals(pool))
                .map(worker -> WorkerRow.of(worker, now)).toList();
    }

    @Override
    public void close() {
        batches.close();
        workers.close();
        orders.close();
        lag.close();
    }
}
