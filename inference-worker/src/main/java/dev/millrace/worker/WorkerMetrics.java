package dev.millrace.worker;

import dev.millrace.engine.api.EngineStats;
import dev.millrace.schemas.Completion;
import dev.millrace.schemas.CompletionStatus;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;

import java.util.Collection;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The worker's metrics, tagged with its id and pool. The engine's own table (tokens, running, KV
 * use) is exported beside them by {@link EngineMeters}, what requests experienced by {@link
 * RequestMetrics}, what interrupted jobs save by {@link HandOverMetrics}.
 *
 * <pre>
 * millrace_worker_jobs_total{status}            jobs answered, by how they ended
 * millrace_worker_dead_letters_total            records set aside
 * millrace_worker_skipped_finished_total        records skipped: the offset metadata says they are finished
 * millrace_worker_answered_before_total         jobs skipped because they have a committed completion
 * millrace_worker_commit_seconds                duration of a transaction
 * millrace_worker_committed_jobs_total          jobs whose commit succeeded
 * millrace_worker_aborted_transactions_total    transactions that failed
 * millrace_worker_rebalances_total              calls of the rebalance listener
 * millrace_worker_rejoins_total                 times that the worker dropped its work and made new clients
 * millrace_worker_orders_total                  control commands read
 * millrace_worker_in_flight_jobs                jobs read and not yet committed
 * millrace_worker_in_flight_bytes               bytes of their records
 * millrace_worker_engine_jobs                   of these, inside the engine
 * millrace_worker_waiting_jobs                  of these, waiting for the engine
 * millrace_worker_parked_jobs                   of these, held back because they are paused
 * millrace_worker_assigned_partitions           partitions owned
 * millrace_worker_finished_ahead_metadata_chars longest metadata string of partitions owned
 * </pre>
 */
public final class WorkerMetrics {
    private final Map<CompletionStatus, Counter> jobs = new EnumMap<>(CompletionStatus.class);
    private final Counter deadLetters;
    private final Counter skippedFinished;
    private final Counter answeredBefore;
    private final Counter committedJobs;
    private final Counter aborted;
    private final Counter rebalances;
    private final Counter rejoins;
    private final Counter orders;
    private final Timer commits;
    private final AtomicLong inFlightJobs;
    private final AtomicLong inFlightBytes;
    private final AtomicLong engineJobs;
    private final AtomicLong waitingJobs;
    private final AtomicLong parkedJobs;
    private final AtomicLong partitions;
    private final AtomicLong metadataChars;
    private final EngineMeters engine;
    private final RequestMetrics requests;
    private final HandOverMetrics handOvers;
    private long jobsFinished;

    /** Registers every meter at once, so that a dashboard shows zeros and not gaps. */
    public WorkerMetrics(MeterRegistry registry, WorkerConfig config) {
        Tags tags = Tags.of("worker", config.workerId(), "pool", config.pool());
        for (CompletionStatus status : CompletionStatus.values()) {
            jobs.put(
                    status,
                    counter(
                            registry,
                            "jobs",
                            "Jobs answered.",
                            tags.and("status", status.name().toLowerCase(Locale.ROOT))));
        }
        deadLetters = counter(registry, "dead.letters", "Records set aside.", tags);
        skippedFinished =
                counter(
                        registry,
                        "skipped.finished",
                        "Records that the offset metadata says are finished.",
                        tags);
        answeredBefore =
                counter(
                        registry,
                        "answered.before",
                        "Jobs that have a committed completion already.",
                        tags);
        committedJobs = counter(registry, "committed.jobs", "Jobs whose commit succeeded.", tags);
        aborted = counter(registry, "aborted.transactions", "Transactions that failed.", tags);
        rebalances = counter(registry, "rebalances", "Calls of the rebalance listener.", tags);
        rejoins = counter(registry, "rejoins", "Times that the worker made new clients.", tags);
        orders = counter(registry, "orders", "Control commands read.", tags);
        commits =
                Timer.builder("millrace.worker.commit")
                        .description("Duration of a transaction.")
                        .tags(tags)
                        .register(registry);
        inFlightJobs = gauge(registry, "in.flight.jobs", "Jobs read and not yet committed.", tags);
        inFlightBytes = gauge(registry, "in.flight.bytes", "Bytes of their records.", tags);
        engineJobs = gauge(registry, "engine.jobs", "Jobs inside the engine.", tags);
        waitingJobs = gauge(registry, "waiting.jobs", "Jobs that wait for the engine.", tags);
        parkedJobs =
                gauge(registry, "parked.jobs", "Jobs held back because they are paused.", tags);
        partitions = gauge(registry, "assigned.partitions", "Partitions owned.", tags);
        engine = new EngineMeters(registry, tags);
        requests = new RequestMetrics(registry, tags);
        handOvers = new HandOverMetrics(registry, tags);
        metadataChars =
                gauge(
                        registry,
                        "finished.ahead.metadata.chars",
                        "Longest metadata string of the partitions owned.",
                        tags);
    }

    void finished(Completion completion) {
        jobsFinished++;
        jobs.get(completion.getStatus()).increment();
    }

    /** Takes what the request experienced inside the engine. */
    void finished(JobAnswer result) {
        requests.finished(result);
    }

    /** Takes the engine's statistics for the next scrapes. */
    void observe(EngineStats stats) {
        engine.observe(stats);
    }

    void deadLetter() {
        deadLetters.increment();
    }

    void skippedFinished() {
        skippedFinished.increment();
    }

    void answeredBefore() {
        answeredBefore.increment();
    }

    void committed(int numJobs, long durationMs) {
        committedJobs.increment(numJobs);
        commits.record(durationMs, TimeUnit.MILLISECONDS);
    }

    void aborted() {
        aborted.increment();
    }

    void rebalanced() {
        rebalances.increment();
    }

    void ordered() {
        orders.increment();
    }

    /** Of jobs that go from worker to worker. */
    HandOverMetrics handOvers() {
        return handOvers;
    }

    void rejoined() {
        rejoins.increment();
    }

    /** Takes the gauges' values; called with every statistics record. */
    void observe(JobBuffer buffer, Collection<OffsetLedger> ledgers) {
        inFlightJobs.set(buffer.count());
        inFlightBytes.set(buffer.bytes());
        engineJobs.set(buffer.numInEngine());
        waitingJobs.set(buffer.numWaiting());
        parkedJobs.set(buffer.numParked());
        partitions.set(ledgers.size());
        metadataChars.set(
                ledgers.stream().mapToInt(ledger -> ledger.metadata().length()).max().orElse(0));
    }

    long jobsFinished() {
        return jobsFinished;
    }

    static Counter counter(
            MeterRegistry registry, String name, String description, Tags tags) {
        return Counter.builder("millrace.worker." + name)
                .description(description)
                .tags(tags)
                .register(registry);
    }

    private static AtomicLong gauge(
            MeterRegistry registry, String name, String description, Tags tags) {
        AtomicLong value = new AtomicLong();
        Gauge.builder("millrace.worker." + name, value, AtomicLong::get)
                .description(description)
                .tags(tags)
                .strongReference(true)
                .register(registry);
        return value;
    }
}
