package dev.millrace.engine.backend;

/**
 * How a checkpoint wants the input of a linear layer rounded to FP8.
 *
 * @param rounded false keeps the input as it is, although the weights are FP8
 * @param amaxBound the largest magnitude that a token's scale is made for; larger values are
 *     clipped to it; 0 is no bound
 */
public record ActivationScheme(boolean rounded, float amaxBound) {

    /**
     * A scale per token, or per block of a token where the weights have blocks, made when the layer
     * runs.
     */
    public static final ActivationScheme DYNAMIC = new ActivationScheme(true, 0);

    /** Weights alone are FP8. */
    public static final ActivationScheme UNROUNDED = new ActivationScheme(false, 0);
}
