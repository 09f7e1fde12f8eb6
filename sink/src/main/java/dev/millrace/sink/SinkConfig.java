package dev.millrace.sink;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * Settings of the sink, checked.
 *
 * @param applicationId the Kafka Streams application; all sinks of an installation share it and split the
 *     partitions
 * @param stateDir where this process keeps its stores; losing it costs a restore from the changelog topics,
 *     no data
 * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's clients and the
 *     serde understand
 * @param threads stream threads in this process
 * @param emitInterval how often a changed batch is written to the batches topic; a change of status is
 *     written at once
 * @param commitInterval time between two transactions
 * @param rocksDbMemoryBytes block cache and write buffers of all stores of this process together
 * @param cacheBytes records held back in memory until a commit, over all stores
 */
public record SinkConfig(
        String applicationId,
        Path stateDir,
        Map<String, Object> clientProperties,
        int threads,
        Duration emitInterval,
        Duration commitInterval,
        long rocksDbMemoryBytes,
        long cacheBytes) {

    /** The Streams application, and so the consumer group, unless told otherwise. */
    public static final String DEFAULT_APPLICATION_ID = "millrace-sink";

    private static final long MIN_ROCKSDB_MEMORY_BYTES = 4L << 20;

    public SinkConfig {
        check(applicationId != null && applicationId.matches("[a-zA-Z0-9._-]{1,200}"), "applicationId",
                "must be letters, digits, '.', '_' or '-'", applicationId);
        Objects.requireNonNull(stateDir, "stateDir");
        clientProperties = Map.copyOf(clientProperties);
        requireProperty(clientProperties, "bootstrap.servers");
        requireProperty(clientProperties, "schema.registry.url");
        check(threads >= 1, "threads", "must be at least 1", threads);
        check(isPositive(emitInterval), "emitInterval", "must be positive", emitInterval);
        check(isPositive(commitInterval), "commitInterval", "must be positive", commitInterval);
        check(rocksDbMemoryBytes >= MIN_ROCKSDB_MEMORY_BYTES, "rocksDbMemoryBytes",
                "must be at least " + MIN_ROCKSDB_MEMORY_BYTES, rocksDbMemoryBytes);
        check(cacheBytes >= 0, "cacheBytes", "must not be negative", cacheBytes);
    }

    /** One thread, progress every 200 ms, a commit every 100 ms, 32 MiB for RocksDB and 8 MiB of cache. */
    public static SinkConfig defaults(Path stateDir, Map<String, Object> clientProperties) {
        return new SinkConfig(DEFAULT_APPLICATION_ID, stateDir, clientProperties, 1,
                Duration.ofMillis(200), Duration.ofMillis(100), 32L << 20, 8L << 20);
    }

    /** The same for another application id. */
    public SinkConfig withApplicationId(String id) {
        return new SinkConfig(id, stateDir, clientProperties, threads, emitInterval, commitInterval,
                rocksDbMemoryBytes, cacheBytes);
    }

    /** The same with another number of threads. */
    public SinkConfig withThreads(int count) {
        return new SinkConfig(applicationId, stateDir, clientProperties, count, emitInterval, commitInterval,
                rocksDbMemoryBytes, cacheBytes);
    }

    private static void requireProperty(Map<String, Object> properties, String name) {
        check(properties.get(name) != null, "clientProperties", "must name " + name, properties.keySet());
    }

    private static boolean isPositive(Duration duration) {
        return duration != null && duration.isPositive();
    }

    private static void check(boolean holds, String name, String rule, Object value) {
        if (!holds) {
            throw new IllegalArgumentException("sink setting " + name + " " + rule + ", not " + value);
        }
    }
}
