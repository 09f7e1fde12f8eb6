package dev.millrace.engine.api;

import java.util.Objects;

/**
 * Settings of an engine, checked. Names are vLLM's.
 *
 * @param device one of EngineFactory's; named, never guessed
 * @param maxNumSeqs most sequences in one step
 * @param maxNumBatchedTokens token budget of one step
 * @param blockSize tokens per KV block
 * @param kvCacheBytes memory for the KV cache
 * @param maxModelLen most tokens of prompt and output together; 0 takes the checkpoint's
 * @param enablePrefixCaching reuse KV blocks of equal prefixes
 * @param threads threads of a host device
 * @param numerics how exactly a host device computes
 * @param tiers where KV blocks go that the device gives up
 * @param speculation whether tokens are guessed and verified; asynchronous devices never do
 */
public record EngineConfig(
        String device,
        int maxNumSeqs,
        int maxNumBatchedTokens,
        int blockSize,
        long kvCacheBytes,
        int maxModelLen,
        boolean enablePrefixCaching,
        int threads,
        Numerics numerics,
        KvTiers tiers,
        Speculation speculation) {

    public EngineConfig {
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(numerics, "numerics");
        Objects.requireNonNull(speculation, "speculation");
        check(maxNumSeqs >= 1, "maxNumSeqs", maxNumSeqs);
        check(maxNumBatchedTokens >= 1, "maxNumBatchedTokens", maxNumBatchedTokens);
        check(
                blockSize >= 1 && Integer.bitCount(blockSize) == 1,
                "blockSize (a power of two)",
                blockSize);
        check(kvCacheBytes > 0, "kvCacheBytes", kvCacheBytes);
        check(maxModelLen >= 0, "maxModelLen", maxModelLen);
        check(threads >= 1, "threads", threads);
        Objects.requireNonNull(tiers, "tiers");
        if (tiers.isOn() && !enablePrefixCaching) {
            throw new IllegalArgumentException(
                    "engine setting tiers: KV tiers are of no use without prefix caching");
        }
    }

    /** KV blocks on the device alone. */
    public EngineConfig(
            String device,
            int maxNumSeqs,
            int maxNumBatchedTokens,
            int blockSize,
            long kvCacheBytes,
            int maxModelLen,
            boolean enablePrefixCaching,
            int threads,
            Numerics numerics,
            Speculation speculation) {
        this(
                device,
                maxNumSeqs,
                maxNumBatchedTokens,
                blockSize,
                kvCacheBytes,
                maxModelLen,
                enablePrefixCaching,
                threads,
                numerics,
                KvTiers.OFF,
                speculation);
    }

    /**
     * What suits a small host: 256 sequences, 2,048 tokens a step, blocks of 16, a quarter GiB of
     * KV.
     */
    public static EngineConfig defaults(String device) {
        return new EngineConfig(
                device,
                256,
                2048,
                16,
                256L << 20,
                0,
                true,
                Runtime.getRuntime().availableProcessors(),
                Numerics.DEFAULT,
                Speculation.AUTO);
    }

    /** The same with another size of the KV cache. */
    public EngineConfig withKvCacheBytes(long bytes) {
        return new EngineConfig(
                device,
                maxNumSeqs,
                maxNumBatchedTokens,
                blockSize,
                bytes,
                maxModelLen,
                enablePrefixCaching,
                threads,
                numerics,
                tiers,
                speculation);
    }

    /** The same with other numerics. */
    public EngineConfig withNumerics(Numerics other) {
        return new EngineConfig(
                device,
                maxNumSeqs,
                maxNumBatchedTokens,
                blockSize,
                kvCacheBytes,
                maxModelLen,
                enablePrefixCaching,
                threads,
                other,
                tiers,
                speculation);
    }

    /** The same with other speculation. */
    public EngineConfig withSpeculation(Speculation other) {
        return new EngineConfig(
                device,
                maxNumSeqs,
                maxNumBatchedTokens,
                blockSize,
                kvCacheBytes,
                maxModelLen,
                enablePrefixCaching,
                threads,
                numerics,
                tiers,
                other);
    }

    /** The same with other tiers. */
    public EngineConfig withTiers(KvTiers other) {
        return new EngineConfig(
                device,
                maxNumSeqs,
                maxNumBatchedTokens,
                blockSize,
                kvCacheBytes,
                maxModelLen,
                enablePrefixCaching,
                threads,
                numerics,
                other,
                speculation);
    }

    private static void check(boolean holds, String name, long value) {
        if (!holds) {
            throw new IllegalArgumentException(
                    "engine setting " + name + " is out of range: " + value);
        }
    }
}
