package dev.millrace.engine.structured;

import java.util.concurrent.CompletableFuture;

/**
 * The tokens that may come next, as soon as they are worked out: a helper thread does that while the
 * device runs the step.
 */
public final class TokenMask {
    private final CompletableFuture<long[]> bits;
    private final boolean isLong;

    /**
     * @param isLong working it out takes a walk through much of the vocabulary
     */
    TokenMask(CompletableFuture<long[]> bits, boolean isLong) {
        this.bits = bits;
        this.isLong = isLong;
    }

    /** A mask that is known. */
    public static TokenMask of(long[] bits) {
        return new TokenMask(CompletableFuture.completedFuture(bits), false);
    }

    /** [vocabulary / 64] bit t % 64 of word t / 64 allows token t; waits. Not to be changed. */
    public long[] bits() {
        return bits.join();
    }

    /** Whether a step that needs it should rather do without this sequence. */
    public boolean isFarOff() {
        return isLong && !bits.isDone();
    }
}
