package dev.millrace.engine.backend;

/**
 * How a checkpoint wants the input of a linear layer rounded to FP8.
 *
 * @param rounded false keeps the input as it is, although the weights are FP8
 * @param amaxBound the largest magnitude that a token's scale is made for; larger values are
 *     clipped to it; 0 is no bound
 * @param staticScale the one scale of all tokens, found by calibration; values beyond 448 of it are
 *     clipped; 0 where scales are made when the layer runs
 */
public record ActivationScheme(boolean rounded, float amaxBound, float staticScale) {

    /**
     * A scale per token, or per block of a token where the weights have blocks, made when the layer
     * runs.
     */
    public static final ActivationScheme DYNAMIC = new ActivationScheme(true, 0, 0);

    /** Weights alone are FP8. */
    public static final ActivationScheme UNROUNDED = new ActivationScheme(false, 0, 0);

    public ActivationScheme {
        if (!(amaxBound >= 0 && staticScale >= 0) || amaxBound > 0 && staticScale > 0) {
            throw new IllegalArgumentException(
                    "an activation's bound and static scale are not negative, and one of them 0,"
                        + " not "
                            + amaxBound
                            + " and "
                            + staticScale);
        }
    }

    /** A bound for scales that are made when the layer runs. */
    public static ActivationScheme bounded(float amaxBound) {
        return new ActivationScheme(true, amaxBound, 0);
    }

    /** One scale for all tokens. */
    public static ActivationScheme fixed(float staticScale) {
        return new ActivationScheme(true, 0, staticScale);
    }
}
