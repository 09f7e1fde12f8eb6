package dev.millrace.ops.embedded;

import dev.millrace.ingest.IngestPolicies;
import dev.millrace.worker.JobEngine;

import io.micrometer.core.instrument.MeterRegistry;

import java.nio.file.Path;
import java.util.Map;
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
 * @param tenantWeights shares of tenants that wait at the worker
 * @param policies quotas of tenants, and what becomes of duplicates
 */
public record StackConfig(
        Path dataDir,
        int kafkaPort,
        int registryPort,
        int httpPort,
        int partitions,
        Function<MeterRegistry, JobEngine> engine,
        String device,
        Map<String, Integer> tenantWeights,
        IngestPolicies policies) {

    /** Without anything special for tenants or duplicates. */
    public StackConfig(
            Path dataDir,
            int kafkaPort,
            int registryPort,
            int httpPort,
            int partitions,
            Function<MeterRegistry, JobEngine> engine,
            String device) {
        this(
                dataDir,
                kafkaPort,
                registryPort,
                httpPort,
                partitions,
                engine,
                device,
                Map.of(),
                IngestPolicies.NONE);
    }

    /** The same for other tenants. */
    public StackConfig withTenants(Map<String, Integer> weights, IngestPolicies wanted) {
        return new StackConfig(
                dataDir,
                kafkaPort,
                registryPort,
                httpPort,
                partitions,
                engine,
                device,
                weights,
                wanted);
    }

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
