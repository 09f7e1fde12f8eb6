package dev.millrace.engine.api;

/**
 * Counters since start and gauges as of the last step.
 *
 * @param promptTokens prompt tokens of admitted requests (counter)
 * @param cachedTokens of these, found in the prefix cache (counter)
 * @param generationTokens tokens generated (counter)
 * @param hostNanos time in scheduling and bookkeeping (counter)
 * @param deviceNanos time waiting for the model (counter)
 * @param device where the device's time went (counters)
 * @param tiers of the KV cache
 * @param forcedTokens of the generated tokens, those that a constraint left no choice about, so
 *     that no step chose them (counter)
 */
public record EngineStats(
        int running,
        int waiting,
        int kvBlocksUsed,
        int kvBlocksTotal,
        long steps,
        long promptTokens,
        long cachedTokens,
        long generationTokens,
        long finishedRequests,
        long preemptions,
        long hostNanos,
        long deviceNanos,
        DeviceTimes device,
        KvTierStats tiers,
        long forcedTokens) {

    /** Of an engine without KV tiers. */
    public EngineStats(
            int running,
            int waiting,
            int kvBlocksUsed,
            int kvBlocksTotal,
            long steps,
            long promptTokens,
            long cachedTokens,
            long generationTokens,
            long finishedRequests,
            long preemptions,
            long hostNanos,
            long deviceNanos,
            DeviceTimes device) {
        this(
                running,
                waiting,
                kvBlocksUsed,
                kvBlocksTotal,
                steps,
                promptTokens,
                cachedTokens,
                generationTokens,
                finishedRequests,
                preemptions,
                hostNanos,
                deviceNanos,
                device,
                KvTierStats.NONE,
                0);
    }
}
