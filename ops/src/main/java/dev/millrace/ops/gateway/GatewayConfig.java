package dev.millrace.ops.gateway;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/**
 * Checked settings of the gateway.
 *
 * @param dir where files and batch records are kept; one gateway at a time uses it
 * @param clientProperties bootstrap.servers, schema.registry.url and whatever else Kafka's clients
 *     and the serde understand
 * @param fileBytesMax a larger upload is refused
 * @param stallTimeout a client that sends or takes nothing for this long is cut off
 * @param fileTtl how long files are kept that name no expiry of their own; null for ever
 * @param submissionsMax how many batches are published at the same time; each holds a producer's
 *     buffer
 */
public record GatewayConfig(
        Path dir,
        Map<String, Object> clientProperties,
        long fileBytesMax,
        Duration stallTimeout,
        Duration fileTtl,
        int submissionsMax) {

    public GatewayConfig {
        Objects.requireNonNull(dir, "dir");
        clientProperties = Map.copyOf(clientProperties);
        check(fileBytesMax >= 1, "fileBytesMax must be at least 1", fileBytesMax);
        check(stallTimeout.toMillis() >= 1, "stallTimeout must be at least 1 ms", stallTimeout);
        check(fileTtl == null || fileTtl.toSeconds() >= 1, "fileTtl must be at least 1 s", fileTtl);
        check(submissionsMax >= 1, "submissionsMax must be at least 1", submissionsMax);
    }

    /** Files of up to 1 TiB that are kept for ever, 60 s of silence, two submissions at a time. */
    public static GatewayConfig defaults(Path dir, Map<String, Object> clientProperties) {
        return new GatewayConfig(dir, clientProperties, 1L << 40, Duration.ofSeconds(60), null, 2);
    }

    /** The same with other limits. */
    public GatewayConfig withLimits(long fileBytes, Duration stall, Duration ttl) {
        return new GatewayConfig(dir, clientProperties, fileBytes, stall, ttl, submissionsMax);
    }

    private static void check(boolean holds, String rule, Object value) {
        if (!holds) {
            throw new IllegalArgumentException("gateway setting " + rule + ", not " + value);
        }
    }
}
