package dev.millrace.ops.registry;

import dev.millrace.schemas.registry.CompatibilityLevel;

import java.net.InetSocketAddress;
import java.nio.file.Path;

/**
 * Settings of a {@link SchemaRegistryServer}.
 *
 * @param bind address and port; port 0 takes a free one
 * @param storeFile file that keeps everything, made with its folder if it is not there; null keeps
 *     it in memory only
 * @param defaultCompatibility level of subjects that have none of their own: a name of {@link
 *     CompatibilityLevel}
 * @param userInfo user:password that every request must bring (HTTP basic); null lets everybody in
 */
public record RegistryConfig(
        InetSocketAddress bind, Path storeFile, String defaultCompatibility, String userInfo) {
    /** Checks the values. */
    public RegistryConfig {
        if (bind == null) {
            throw new IllegalArgumentException("the registry needs an address to bind to");
        }
        if (bind.isUnresolved()) {
            throw new IllegalArgumentException("unknown host " + bind.getHostString());
        }
        if (userInfo != null && userInfo.indexOf(':') < 1) {
            throw new IllegalArgumentException("the registry's credentials must be user:password");
        }
        CompatibilityLevel.of(defaultCompatibility);
    }

    /** In memory, open to everybody who reaches the address, BACKWARD. */
    public static RegistryConfig inMemory(InetSocketAddress bind) {
        return new RegistryConfig(bind, null, CompatibilityLevel.BACKWARD.name(), null);
    }

    /** Without the password. */
    @Override
    public String toString() {
        return "RegistryConfig["
                + bind
                + ", "
                + (storeFile == null ? "in memory" : storeFile)
                + ", "
                + defaultCompatibility
                + "]";
    }
}
