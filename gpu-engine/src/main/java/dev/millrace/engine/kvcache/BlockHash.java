package dev.millrace.engine.kvcache;

/**
 * Hash of a full block, chained over everything before it: equal for equal prefixes wherever and
 * whenever computed, so that it can also name a block outside this process. 64 bits find a block;
 * they never prove that it is the right one.
 */
public final class BlockHash {
    /** The hash before the first block. */
    public static final long ROOT = 0x6D696C6C72616365L;

    private static final long MULTIPLIER = 0x9FB21C651E98DF25L;

    private BlockHash() {}

    /**
     * The hash of the block {@code tokens[from .. from + length - 1]} whose predecessor has the
     * hash {@code parent}.
     */
    public static long chain(long parent, int[] tokens, int from, int length) {
        long h = mix(parent + length);
        for (int i = from; i < from + length; i++) {
            h = (Long.rotateLeft(h, 29) ^ tokens[i]) * MULTIPLIER;
        }
        return mix(h);
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 32)) * MULTIPLIER;
        z = (z ^ (z >>> 29)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 32);
    }
}
