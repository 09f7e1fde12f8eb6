package dev.millrace.ops.gateway;

import java.util.Optional;

/** Says which tenant a key belongs to. */
public interface ApiKeys {
    /** The tenant of every key where no keys are kept. */
    String DEFAULT_TENANT = "default";

    /** The tenant of a key, or empty when there is no such key. */
    Optional<String> tenantOf(String key);

    /**
     * Takes every key as the default tenant's, for a port that only this machine reaches. A key
     * must still be sent: no web page can make a browser add the header to a request of its own.
     */
    static ApiKeys any() {
        return key -> Optional.of(DEFAULT_TENANT);
    }
}
