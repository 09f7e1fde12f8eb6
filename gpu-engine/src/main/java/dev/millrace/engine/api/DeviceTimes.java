package dev.millrace.engine.api;

/**
 * Where a device's time has gone since start, in nanoseconds. What is missing to the whole is the
 * choice of tokens and the way there and back.
 *
 * @param gemmNanos linear layers, the head's among them
 * @param attentionNanos attention
 * @param rowNanos what works on rows by themselves: norms, rotation, activation, rounding,
 *     embedding
 */
public record DeviceTimes(long gemmNanos, long attentionNanos, long rowNanos) {
    /** For devices that keep no account. */
    public static final DeviceTimes NONE = new DeviceTimes(0, 0, 0);
}
