package dev.millrace.engine.api;

import java.util.Objects;

/**
 * How exactly a host device computes.
 *
 * @param weights format of the linear layers
 * @param batchInvariant a request's tokens and logprobs are the same bits whatever else is in its
 *     steps
 * @param kv format of the KV cache
 */
public record Numerics(WeightFormat weights, boolean batchInvariant, KvFormat kv) {
    /** As the checkpoint has it, as fast as it goes. */
    public static final Numerics DEFAULT = new Numerics(WeightFormat.BF16, false);

    public Numerics {
        Objects.requireNonNull(weights, "weights");
        Objects.requireNonNull(kv, "kv");
    }

    /** Keys and values in BF16. */
    public Numerics(WeightFormat weights, boolean batchInvariant) {
        this(weights, batchInvariant, KvFormat.BF16);
    }

    /** The same with another KV cache. */
    public Numerics withKv(KvFormat other) {
        return new Numerics(weights, batchInvariant, other);
    }
}
