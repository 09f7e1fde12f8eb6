package dev.millrace.engine.template;

/**
 * Bounds of one rendering, against templates that run away.
 *
 * @param maxOutputChars most UTF-16 units written, captured blocks included
 * @param maxSteps most loop iterations, macro calls and items taken by filters together
 */
public record RenderLimits(long maxOutputChars, long maxSteps) {

    /**
     * 64 Mi characters and 20 million steps: no prompt comes near, no worker is held up for long.
     */
    public static final RenderLimits DEFAULT = new RenderLimits(1 << 26, 20_000_000);

    public RenderLimits {
        if (maxOutputChars < 1 || maxSteps < 1) {
            throw new IllegalArgumentException(
                    "render limits must be positive: " + maxOutputChars + ", " + maxSteps);
        }
    }
}
