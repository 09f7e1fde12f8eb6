package dev.millrace.worker;

import dev.millrace.engine.api.EngineStats;
import dev.millrace.schemas.Topics;
import dev.millrace.schemas.WorkerStats;

import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * One worker-stats record per interval. It travels in the worker's next transaction, so it needs no
 * second producer; one that is aborted is not repeated, the next interval brings a newer one.
 */
final class WorkerStatsPublisher {
    private final WorkerContext context;
    private final JobEngine engine;
    private final JobBuffer jobs;
    private final Map<TopicPartition, OffsetLedger> ledgers;
    private final ResultPublisher publisher;
    private final Supplier<WorkerState> state;
    private final long startedMs;
    private long lastMs;
    private long lastPromptTokens;
    private long lastCompletionTokens;
    private boolean isStopped;

    WorkerStatsPublisher(
            WorkerContext context,
            JobEngine engine,
            JobBuffer jobs,
            Map<TopicPartition, OffsetLedger> ledgers,
            ResultPublisher publisher,
            Supplier<WorkerState> state) {
        this.context = context;
        this.engine = engine;
        this.jobs = jobs;
        this.ledgers = ledgers;
        this.publisher = publisher;
        this.state = state;
        this.startedMs = context.clock().millis();
        this.lastMs = startedMs;
    }

    long dueMs() {
        return isStopped ? Long.MIN_VALUE : lastMs + context.config().statsInterval().toMillis();
    }

    /** The record if one is due, else nothing. */
    List<ProducerRecord<byte[], byte[]>> recordsIfDue() {
        long now = context.clock().millis();
        if (now < dueMs()) {
            return List.of();
        }
        context.metrics().observe(jobs, ledgers.values());
        WorkerStats stats = measure(now);
        return List.of(publisher.record(Topics.WORKER_STATS, stats.getWorkerId(), stats, null));
    }

    /** The next record is due at once and says that the worker has stopped. */
    void sayStopped() {
        isStopped = true;
    }

    private WorkerStats measure(long now) {
        EngineStats counted = engine.stats();
        context.metrics().observe(counted);
        double seconds = Math.max(1, now - lastMs) / 1000.0;
        WorkerStats stats = new WorkerStats();
        stats.setWorkerId(context.config().workerId());
        stats.setPool(context.config().pool());
        stats.setModel(engine.modelName());
        stats.setDevice(context.config().device());
        stats.setState((isStopped ? WorkerState.STOPPED : state.get()).name());
        stats.setAssignedPartitions(partitions());
        stats.setRunning(counted.running());
        stats.setWaiting(counted.waiting());
        stats.setUnfinished(jobs.count());
        stats.setKvBlocksUsed(counted.kvBlocksUsed());
        stats.setKvBlocksTotal(counted.kvBlocksTotal());
        stats.setJobsFinished(context.metrics().jobsFinished());
        stats.setPromptTokens(counted.promptTokens());
        stats.setCachedTokens(counted.cachedTokens());
        stats.setIdealCachedTokens(counted.idealCachedTokens());
        stats.setCompletionTokens(counted.generationTokens());
        stats.setPreemptions(counted.preemptions());
        stats.setPromptTokensPerSecond((counted.promptTokens() - lastPromptTokens) / seconds);
        stats.setCompletionTokensPerSecond(
                (counted.generationTokens() - lastCompletionTokens) / seconds);
        stats.setHoldReason(engine.holdReason());
        stats.setStartedAt(Instant.ofEpochMilli(startedMs));
        stats.setAt(Instant.ofEpochMilli(now));
        lastMs = now;
        lastPromptTokens = counted.promptTokens();
        lastCompletionTokens = counted.generationTokens();
        return stats;
    }

    private List<Integer> partitions() {
        List<Integer> partitions = new ArrayList<>(ledgers.size());
        ledgers.keySet().forEach(partition -> partitions.add(partition.partition()));
        partitions.sort(null);
        return partitions;
    }
}
