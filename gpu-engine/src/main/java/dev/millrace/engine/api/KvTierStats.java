package dev.millrace.engine.api;

/**
 * What the tiers of the KV cache have done since start, and what they hold.
 *
 * @param deviceHitTokens tokens whose KV was on the device when a sequence was admitted (counter)
 * @param hostHitTokens in host memory (counter)
 * @param diskHitTokens on disk (counter)
 * @param hostBytes bytes of images in host memory now
 * @param diskBytes bytes of image files in the folder, other models' among them, as last seen
 * @param writes images written to disk (counter)
 * @param droppedWrites images that should have been written but were not: too many were under way,
 *     or the disk failed (counter)
 * @param refusedFiles files that were found damaged or not what their name says (counter)
 */
public record KvTierStats(
        long deviceHitTokens,
        long hostHitTokens,
        long diskHitTokens,
        long hostBytes,
        long diskBytes,
        long writes,
        long droppedWrites,
        long refusedFiles) {
    /** For an engine that keeps no such account. */
    public static final KvTierStats NONE = new KvTierStats(0, 0, 0, 0, 0, 0, 0, 0);
}
