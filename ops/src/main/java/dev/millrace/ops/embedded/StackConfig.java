package dev.millrace.ops.embedded;

import dev.millrace.engine.api.LoadedModel;

import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;

/**
 * Settings of the whole pipeline in one JVM.
 *
 * @param dataDir where broker, registry and stream stores keep their data; found again at the next
 *     start
 * @param kafkaPort 0 takes a free port
 * @param registryPort 0 takes a free port
 * @param httpPort 0 takes a free port
 * @param partitions of the topics that scale
 * @param model loads the model; called once, while the broker starts
 * @param device what the model runs on, for status
 */
public record StackConfig(
        Path dataDir,
        int kafkaPort,
        int registryPort,
        int httpPort,
        int partitions,
        Callable<LoadedModel> model,
        String device) {

    public StackConfig {
        Objects.requireNonNull(dataDir, "dataDir");
        Objects.requireNonNull(model, "model");
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
