package dev.millrace.worker;

import dev.millrace.schemas.Topics;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * Settings of a worker, checked. What follows from them by rule is in {@link WorkerLimits}.
 *
 * @param workerId unique name of this worker; stays the same over restarts
 * @param pool the pool whose topic {@code ready.<pool>} is read
 * @param device what the engine runs on, as worker-stats reports it
 * @param groupId the consumer group; all workers of a pool share it
 * @param transactionalId unique per worker; a second producer with the same id fences the first
 * @param groupInstanceId for static membership, so that a restarted worker gets its partitions (and
 *     their warm prefixes) back without a rebalance; null for dynamic membership
 * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's clients
 *     and the serde understand
 * @param commitInterval longest time between a job's end and its commit
 * @param maxFinishedPerCommit finished jobs that make a commit due at once
 * @param maxBufferedJobs most jobs read and not yet committed
 * @param maxBufferedBytes most bytes of their records
 * @param maxAttempts consecutive failed commits, or rejoins, before the worker gives up
 * @param metadataLimitChars the broker's offset.metadata.max.bytes, which counts characters
 * @param drainTimeout longest time that a draining worker goes on with the jobs inside
 * @param statsInterval time between two worker-stats records
 * @param maxRecoveredJobIds most answered job ids held in memory when finished-ahead metadata was
 *     lost (24 bytes each)
 * @param maxEngineFailures with how many failures of an engine a job ends that was in it each time,
 *     the last time alone; at least 2
 * @param tenantWeights share of a tenant, by name, while several have jobs here; 1 for those not
 *     named
 */
public record WorkerConfig(
        String workerId,
        String pool,
        String device,
        String groupId,
        String transactionalId,
        String groupInstanceId,
        Map<String, Object> clientProperties,
        Duration commitInterval,
        int maxFinishedPerCommit,
        int maxBufferedJobs,
        long maxBufferedBytes,
        int maxAttempts,
        int metadataLimitChars,
        Duration drainTimeout,
        Duration statsInterval,
        int maxRecoveredJobIds,
        int maxEngineFailures,
        Map<String, Integer> tenantWeights) {

    /** Kafka's default for offset.metadata.max.bytes. */
    public static final int BROKER_METADATA_LIMIT_CHARS = 4096;

    private static final String NAME = "[a-zA-Z0-9._-]{1,200}";

    public WorkerConfig {
        check(
                workerId != null && workerId.matches(NAME),
                "workerId",
                "must be letters, digits, '.', '_' or '-'",
                workerId);
        Topics.ready(Objects.requireNonNull(pool, "pool"));
        check(device != null && !device.isBlank(), "device", "must be named", device);
        check(groupId != null && !groupId.isBlank(), "groupId", "must not be blank", groupId);
        check(
                transactionalId != null && !transactionalId.isBlank(),
                "transactionalId",
                "must not be blank",
                transactionalId);
        check(
                groupInstanceId == null || groupInstanceId.matches(NAME),
                "groupInstanceId",
                "must be letters, digits, '.', '_' or '-'",
                groupInstanceId);
        clientProperties = Map.copyOf(clientProperties);
        check(isPositive(commitInterval), "commitInterval", "must be positive", commitInterval);
        check(
                maxFinishedPerCommit >= 1,
                "maxFinishedPerCommit",
                "must be at least 1",
                maxFinishedPerCommit);
        check(maxBufferedJobs >= 1, "maxBufferedJobs", "must be at least 1", maxBufferedJobs);
        check(maxBufferedBytes >= 1, "maxBufferedBytes", "must be at least 1", maxBufferedBytes);
        check(maxAttempts >= 1, "maxAttempts", "must be at least 1", maxAttempts);
        check(
                metadataLimitChars >= 256,
                "metadataLimitChars",
                "must be at least 256",
                metadataLimitChars);
        check(
                drainTimeout != null && !drainTimeout.isNegative(),
                "drainTimeout",
                "must not be negative",
                drainTimeout);
        check(isPositive(statsInterval), "statsInterval", "must be positive", statsInterval);
        check(
                maxRecoveredJobIds >= 1,
                "maxRecoveredJobIds",
                "must be at least 1",
                maxRecoveredJobIds);
        check(
                maxEngineFailures >= 2,
                "maxEngineFailures",
                "must be at least 2",
                maxEngineFailures);
        tenantWeights = Map.copyOf(tenantWeights);
        tenantWeights.forEach(
                (tenant, weight) ->
                        check(
                                weight >= 1 && weight <= 1000,
                                "tenantWeights",
                                "must be in 1..1000",
                                tenant + "=" + weight));
    }

    /**
     * The settings to start from: static membership, a commit every 250 ms or 256 jobs, 8,192 jobs
     * or 64 MiB ahead.
     */
    public static WorkerConfig defaults(
            String workerId, String pool, String device, Map<String, Object> clientProperties) {
        String group = groupFor(pool);
        return new WorkerConfig(
                workerId,
                pool,
                device,
                group,
                group + "-" + workerId,
                workerId,
                clientProperties,
                Duration.ofMillis(250),
                256,
                8192,
                64L << 20,
                5,
                BROKER_METADATA_LIMIT_CHARS,
                Duration.ofSeconds(30),
                Duration.ofSeconds(1),
                4_000_000,
                3,
                Map.of());
    }

    /** The consumer group of a pool's workers; whoever computes lag reads this group's offsets. */
    public static String groupFor(String pool) {
        return "millrace-worker-" + pool;
    }

    public WorkerConfig withCommit(Duration interval, int maxFinished) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                groupInstanceId,
                clientProperties,
                interval,
                maxFinished,
                maxBufferedJobs,
                maxBufferedBytes,
                maxAttempts,
                metadataLimitChars,
                drainTimeout,
                statsInterval,
                maxRecoveredJobIds,
                maxEngineFailures,
                tenantWeights);
    }

    public WorkerConfig withBuffer(int maxJobs, long maxBytes) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                groupInstanceId,
                clientProperties,
                commitInterval,
                maxFinishedPerCommit,
                maxJobs,
                maxBytes,
                maxAttempts,
                metadataLimitChars,
                drainTimeout,
                statsInterval,
                maxRecoveredJobIds,
                maxEngineFailures,
                tenantWeights);
    }

    public WorkerConfig withDrainTimeout(Duration timeout) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                groupInstanceId,
                clientProperties,
                commitInterval,
                maxFinishedPerCommit,
                maxBufferedJobs,
                maxBufferedBytes,
                maxAttempts,
                metadataLimitChars,
                timeout,
                statsInterval,
                maxRecoveredJobIds,
                maxEngineFailures,
                tenantWeights);
    }

    /**
     * @param instanceId null for dynamic membership
     */
    public WorkerConfig withGroupInstanceId(String instanceId) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                instanceId,
                clientProperties,
                commitInterval,
                maxFinishedPerCommit,
                maxBufferedJobs,
                maxBufferedBytes,
                maxAttempts,
                metadataLimitChars,
                drainTimeout,
                statsInterval,
                maxRecoveredJobIds,
                maxEngineFailures,
                tenantWeights);
    }

    public WorkerConfig withMetadataLimitChars(int chars) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                groupInstanceId,
                clientProperties,
                commitInterval,
                maxFinishedPerCommit,
                maxBufferedJobs,
                maxBufferedBytes,
                maxAttempts,
                chars,
                drainTimeout,
                statsInterval,
                maxRecoveredJobIds,
                maxEngineFailures,
                tenantWeights);
    }

    /**
     * @param weights by tenant, each at least 1
     */
    public WorkerConfig withTenantWeights(Map<String, Integer> weights) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                groupInstanceId,
                clientProperties,
                commitInterval,
                maxFinishedPerCommit,
                maxBufferedJobs,
                maxBufferedBytes,
                maxAttempts,
                metadataLimitChars,
                drainTimeout,
                statsInterval,
                maxRecoveredJobIds,
                maxEngineFailures,
                weights);
    }

    public WorkerConfig withMaxEngineFailures(int failures) {
        return new WorkerConfig(
                workerId,
                pool,
                device,
                groupId,
                transactionalId,
                groupInstanceId,
                clientProperties,
                commitInterval,
                maxFinishedPerCommit,
                maxBufferedJobs,
                maxBufferedBytes,
                maxAttempts,
                metadataLimitChars,
                drainTimeout,
                statsInterval,
                maxRecoveredJobIds,
                failures,
                tenantWeights);
    }

    private static boolean isPositive(Duration duration) {
        return duration != null && duration.isPositive();
    }

    private static void check(boolean holds, String name, String rule, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "worker setting " + name + " " + rule + ", not " + value);
        }
    }
}
