package dev.millrace.engine.model;

/**
 * Rotary positions of a checkpoint.
 *
 * @param theta base of the geometric row of frequencies
 * @param factor how far the context was stretched; 1 for {@link Scaling#DEFAULT}
 * @param lowFreqFactor LLAMA3 only: wavelengths above originalMaxPositions / lowFreqFactor are
 *     stretched fully
 * @param highFreqFactor LLAMA3 only: wavelengths below originalMaxPositions / highFreqFactor are
 *     left alone
 * @param originalMaxPositions LLAMA3 only: the context length before stretching
 */
public record RopeConfig(
        Scaling scaling,
        double theta,
        double factor,
        double lowFreqFactor,
        double highFreqFactor,
        int originalMaxPositions) {

    /** Which frequencies are stretched. */
    public enum Scaling {
        DEFAULT,
        LINEAR,
        LLAMA3
    }

    public RopeConfig {
        check(theta > 0, "rope_theta must be above 0, not " + theta);
        check(factor >= 1, "the rope scaling's factor must be at least 1, not " + factor);
        if (scaling == Scaling.LLAMA3) {
            check(
                    originalMaxPositions > 0,
                    "original_max_position_embeddings must be above 0, not "
                            + originalMaxPositions);
            check(
                    0 < lowFreqFactor && lowFreqFactor < highFreqFactor,
                    "low_freq_factor ("
                            + lowFreqFactor
                            + ") must be above 0 and below high_freq_factor ("
                            + highFreqFactor
                            + ")");
        }
    }

    /** Reads {@code rope_parameters}, or the older {@code rope_theta} and {@code rope_scaling}. */
    static RopeConfig read(JsonFields config) {
        boolean today = config.has("rope_parameters");
        String name = today ? "rope_parameters" : "rope_scaling";
        JsonFields rope = config.has(name) ? config.object(name) : null;
        refusePartialRotation(config);
        if (rope == null) {
            return new RopeConfig(Scaling.DEFAULT, config.number("rope_theta", 10_000), 1, 0, 0, 0);
        }
        refusePartialRotation(rope);
        double theta = today ? rope.number("rope_theta") : config.number("rope_theta", 10_000);
        String key = rope.has("rope_type") || !rope.has("type") ? "rope_type" : "type";
        String type = rope.text(key);
        return switch (type) {
            case "default" -> new RopeConfig(Scaling.DEFAULT, theta, 1, 0, 0, 0);
            case "linear" -> new RopeConfig(Scaling.LINEAR, theta, rope.number("factor"), 0, 0, 0);
            case "llama3" ->
                    new RopeConfig(
                            Scaling.LLAMA3,
                            theta,
                            rope.number("factor"),
                            rope.number("low_freq_factor"),
                            rope.number("high_freq_factor"),
                            rope.positiveInt("original_max_position_embeddings"));
            default ->
                    throw rope.problem(
                            key,
                            "is "
                                    + type
                                    + ", which is not supported; supported are default, linear,"
                                    + " llama3");
        };
    }

    private static void refusePartialRotation(JsonFields fields) {
        if (fields.number("partial_rotary_factor", 1) != 1) {
            throw fields.problem(
                    "partial_rotary_factor",
                    "must be 1: rotating a part of a head is not supported");
        }
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
