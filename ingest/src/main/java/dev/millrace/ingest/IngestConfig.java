package dev.millrace.ingest;

import dev.millrace.schemas.Topics;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * Checked settings of ingest.
 *
 * @param applicationId Kafka Streams' application id: consumer group, transactional ids and
 *     changelog topics are named by it
 * @param stateDir folder of the RocksDB stores; what is lost here is restored from the changelog
 *     topics
 * @param clientProperties bootstrap.servers, schema.registry.url and any other property for Kafka's
 *     clients and the serde
 * @param defaultPool pool of models that {@code modelPools} does not name
 * @param modelPools model name to the pool that serves it
 * @param allowedModels models that exist; empty allows any name, and the worker decides
 * @param dedupeRetention for at least this long, and at most twice as long, a job id is remembered
 * @param prefixWait for how long a job waits for a shared prefix that has not arrived yet
 * @param hotPrefixJobsPerMinute a prefix with more jobs than this in a minute of one task is hot
 * @param hotPrefixSpread over how many keys the jobs of a hot prefix are spread
 * @param streamThreads Kafka Streams' threads in this process
 * @param recordBytesMax largest job that is passed on, shared prefix included; {@link IngestApp}
 *     lowers it to what the topics take
 * @param storeMemoryBytes bound of the stores' block cache, indexes, filters and write buffers
 *     together, outside the heap
 * @param policies what happens to duplicates, and quotas of tenants
 */
public record IngestConfig(
        String applicationId,
        Path stateDir,
        Map<String, Object> clientProperties,
        String defaultPool,
        Map<String, String> modelPools,
        Set<String> allowedModels,
        Duration dedupeRetention,
        Duration prefixWait,
        int hotPrefixJobsPerMinute,
        int hotPrefixSpread,
        int streamThreads,
        int recordBytesMax,
        long storeMemoryBytes,
        IngestPolicies policies) {

    /** The Streams application, and so the consumer group, unless told otherwise. */
    public static final String DEFAULT_APPLICATION_ID = "millrace-ingest";

    /** Shortest retention: Kafka Streams makes no store segment shorter than a minute. */
    public static final Duration DEDUPE_RETENTION_MIN = Duration.ofMinutes(1);

    public IngestConfig {
        check(!applicationId.isBlank(), "applicationId", "must not be blank", applicationId);
        Objects.requireNonNull(stateDir, "stateDir");
        clientProperties = Map.copyOf(clientProperties);
        Objects.requireNonNull(policies, "policies");
        modelPools = Map.copyOf(modelPools);
        allowedModels = Set.copyOf(allowedModels);
        Topics.ready(defaultPool);
        modelPools.values().forEach(Topics::ready);
        check(
                dedupeRetention.compareTo(DEDUPE_RETENTION_MIN) >= 0,
                "dedupeRetention",
                "must be at least 1 minute",
                dedupeRetention);
        check(!prefixWait.isNegative(), "prefixWait", "must not be negative", prefixWait);
        check(
                hotPrefixJobsPerMinute >= 1,
                "hotPrefixJobsPerMinute",
                "must be at least 1",
                hotPrefixJobsPerMinute);
        check(hotPrefixSpread >= 1, "hotPrefixSpread", "must be at least 1", hotPrefixSpread);
        check(streamThreads >= 1, "streamThreads", "must be at least 1", streamThreads);
        check(recordBytesMax >= 1024, "recordBytesMax", "must be at least 1024", recordBytesMax);
        check(
                storeMemoryBytes >= 16 << 20,
                "storeMemoryBytes",
                "must be at least 16 MiB",
                storeMemoryBytes);
    }

    /** One pool, any model, ids remembered for a week, one thread, 128 MiB for the stores. */
    public static IngestConfig defaults(Path stateDir, Map<String, Object> clientProperties) {
        return new IngestConfig(
                DEFAULT_APPLICATION_ID,
                stateDir,
                clientProperties,
                Topics.DEFAULT_POOL,
                Map.of(),
                Set.of(),
                Duration.ofDays(7),
                Duration.ofSeconds(30),
                1000,
                8,
                1,
                16 << 20,
                128L << 20,
                IngestPolicies.NONE);
    }

    /** The same for another application id. */
    public IngestConfig withApplicationId(String id) {
        return new IngestConfig(
                id,
                stateDir,
                clientProperties,
                defaultPool,
                modelPools,
                allowedModels,
                dedupeRetention,
                prefixWait,
                hotPrefixJobsPerMinute,
                hotPrefixSpread,
                streamThreads,
                recordBytesMax,
                storeMemoryBytes,
                policies);
    }

    /** The same with other models and pools. */
    public IngestConfig withModels(String pool, Map<String, String> pools, Set<String> allowed) {
        return new IngestConfig(
                applicationId,
                stateDir,
                clientProperties,
                pool,
                pools,
                allowed,
                dedupeRetention,
                prefixWait,
                hotPrefixJobsPerMinute,
                hotPrefixSpread,
                streamThreads,
                recordBytesMax,
                storeMemoryBytes,
                policies);
    }

    /** The same with ids remembered for another time. */
    public IngestConfig withDedupeRetention(Duration retention) {
        return new IngestConfig(
                applicationId,
                stateDir,
                clientProperties,
                defaultPool,
                modelPools,
                allowedModels,
                retention,
                prefixWait,
                hotPrefixJobsPerMinute,
                hotPrefixSpread,
                streamThreads,
                recordBytesMax,
                storeMemoryBytes,
                policies);
    }

    /** The same with another bound of what is hot, and another spread of it. */
    public IngestConfig withHotPrefixes(int jobsPerMinute, int spread) {
        return new IngestConfig(
                applicationId,
                stateDir,
                clientProperties,
                defaultPool,
                modelPools,
                allowedModels,
                dedupeRetention,
                prefixWait,
                jobsPerMinute,
                spread,
                streamThreads,
                recordBytesMax,
                storeMemoryBytes,
                policies);
    }

    /** The same with another number of threads. */
    public IngestConfig withStreamThreads(int threads) {
        return new IngestConfig(
                applicationId,
                stateDir,
                clientProperties,
                defaultPool,
                modelPools,
                allowedModels,
                dedupeRetention,
                prefixWait,
                hotPrefixJobsPerMinute,
                hotPrefixSpread,
                threads,
                recordBytesMax,
                storeMemoryBytes,
                policies);
    }

    /** The same with another bound of a record's size. */
    public IngestConfig withRecordBytesMax(int bytes) {
        return new IngestConfig(
                applicationId,
                stateDir,
                clientProperties,
                defaultPool,
                modelPools,
                allowedModels,
                dedupeRetention,
                prefixWait,
                hotPrefixJobsPerMinute,
                hotPrefixSpread,
                streamThreads,
                bytes,
                storeMemoryBytes,
                policies);
    }

    /** The same with other policies. */
    public IngestConfig withPolicies(IngestPolicies wanted) {
        return new IngestConfig(
                applicationId,
                stateDir,
                clientProperties,
                defaultPool,
                modelPools,
                allowedModels,
                dedupeRetention,
                prefixWait,
                hotPrefixJobsPerMinute,
                hotPrefixSpread,
                streamThreads,
                recordBytesMax,
                storeMemoryBytes,
                wanted);
    }

    /** Every pool that jobs can be routed to, in order of name. */
    public Set<String> pools() {
        Set<String> pools = new TreeSet<>(modelPools.values());
        pools.add(defaultPool);
        return pools;
    }

    /** The pool that serves a model. */
    public String poolOf(String model) {
        return modelPools.getOrDefault(model, defaultPool);
    }

    private static void check(boolean holds, String name, String rule, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "ingest setting " + name + " " + rule + ", not " + value);
        }
    }
}
