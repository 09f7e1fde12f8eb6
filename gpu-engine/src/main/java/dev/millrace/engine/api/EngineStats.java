package dev.millrace.engine.api;

/**
 * Counters since start and gauges as of the last step.
 *
 * @param promptTokens prompt tokens of admitted requests (counter)
 * @param cachedTokens of these, found in the prefix cache (counter)
 * @param idealCachedTokens of the prompt tokens, those that an unbounded prefix cache would have
 *     held (counter); looks back over a million distinct blocks at least
 * @param generationTokens tokens generated (counter)
 * @param hostNanos time in scheduling and bookkeeping (counter)
 * @param deviceNanos time waiting for the model (counter)
 * @param device where the device's time went (counters)
 * @param tiers of the KV cache
 * @param drafts what speculation did (counters)
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
        long idealCachedTokens,
        long generationTokens,
        long finishedRequests,
        long preemptions,
        long hostNanos,
        long deviceNanos,
        DeviceTimes device,
        KvTierStats tiers,
        DraftCounts drafts,
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
            long idealCachedTokens,
            long generationTokens,
            long finishedRequests,
            long preemptions,
            long hostNanos,
            long deviceNanos,
            DeviceTimes device,
            DraftCounts drafts) {
        this(
                running,
                waiting,
                kvBlocksUsed,
                kvBlocksTotal,
                steps,
                promptTokens,
                cachedTokens,
                idealCachedTokens,
                generationTokens,
                finishedRequests,
                preemptions,
                hostNanos,
                deviceNanos,
                device,
                KvTierStats.NONE,
                drafts,
                0);
    }
}
