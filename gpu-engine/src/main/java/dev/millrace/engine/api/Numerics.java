package dev.millrace.engine.api;

import java.util.Objects;

/**
 * How exactly a host device computes.
 *
 * @param weights format of the linear layers
 * @param batchInvariant a request's tokens and logprobs are the same bits whatever else is in its
 *     steps
 */
public record Numerics(WeightFormat weights, boolean batchInvariant) {
    /** As the checkpoint has it, as fast as it goes. */
    public static final Numerics DEFAULT = new Numerics(WeightFormat.BF16, false);

    public Numerics {
        Objects.requireNonNull(weights, "weights");
    }
}
