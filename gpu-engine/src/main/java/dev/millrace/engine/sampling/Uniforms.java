package dev.millrace.engine.sampling;

/**
 * Random numbers as a function of where they are used, so that batching, preemption and restarts
 * never change an answer. Each word goes through the finaliser of SplitMix64 (Steele, Lea, Flood,
 * OOPSLA 2014).
 */
public final class Uniforms {
    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    private Uniforms() {}

    /**
     * The random number for one token.
     *
     * @param seed the request's
     * @param choice index of the choice, 0 .. n - 1
     * @param position index of the token in its sequence, prompt included
     * @return uniform in [0, 1), a multiple of 2^-53
     */
    public static double at(long seed, int choice, int position) {
        long h = mix(seed + GOLDEN_GAMMA);
        h = mix(h + GOLDEN_GAMMA * (choice + 1L));
        h = mix(h + GOLDEN_GAMMA * (position + 1L));
        return (h >>> 11) * 0x1p-53;
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
