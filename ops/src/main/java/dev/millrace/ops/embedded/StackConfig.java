package dev.millrace.ops.embedded;

import dev.millrace.worker.JobEngine;

import io.micrometer.core.instrument.MeterRegistry;

import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Function;

/**
 * Settings of the whole pipeline in one JVM.
 *
 * @param dataDir where broker, registry and stream stores keep their data; found again at the next
 *     start
 * @param kafkaPort 0 takes a free port
 * @param registryPort 0 takes a free port
 * @param httpPort 0 takes a free port
 * @param partitions of the topics that scale
 * @param engine loads the model, or connects to its server; called once, while the broker starts
 * @param device what the engine runs on, for status
 */
public record StackConfig(
        Path dataDir,
        int kafkaPort,
        int registryPort,
        int httpPort,
        int partitions,
        Function<MeterRegistry, JobEngine> engine,
        String device) {

    public StackConfig {
        Objects.requireNonNull(dataDir, "dataDir");
        Objects.requireNonNull(engine, "engine");
        for (int port : new int[] {kafkaPort, registryPort, httpPort}) {
            if (port < 0 || port > 65535) {
                throw new IllegalArgumentException("port " + port + " is not in 0..65535");
            }
        }
        if (partitions < 1) {
            throw new IllegalArgumentException("partitions must be at least 1, not " + partitions);
        }
    }
}
