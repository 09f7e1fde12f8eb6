package dev.millrace.engine.backend.scalar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.millrace.engine.backend.Experts;

import org.junit.jupiter.api.Test;

class ExpertRoutingTest {
    private static final float[] LOGITS = {0.5f, 2f, -1f, 2f, 1f};

    @Test
    void equalExpertsGoByIndex() {
        assertArrayEquals(new int[] {1, 3, 4}, route(3, false).experts());
        assertArrayEquals(new int[] {1}, route(1, false).experts());
    }

    @Test
    void weightsAreSharesOfAllExperts() {
        double all = Math.exp(0.5) + 2 * Math.exp(2) + Math.exp(-1) + Math.exp(1);
        assertArrayEquals(
                new double[] {Math.exp(2) / all, Math.exp(2) / all, Math.exp(1) / all},
                route(3, false).weights(),
                1e-12);
    }

    /** Mixtral's paper takes the softmax over the chosen experts only, which is the same. */
    @Test
    void renormalisedWeightsAreSharesOfTheChosen() {
        double chosen = 2 * Math.exp(2) + Math.exp(1);
        assertArrayEquals(
                new double[] {Math.exp(2) / chosen, Math.exp(2) / chosen, Math.exp(1) / chosen},
                route(3, true).weights(),
                1e-12);
    }

    private static ExpertRouting route(int expertsPerToken, boolean renormalise) {
        return ExpertRouting.of(
                LOGITS, new Experts(null, null, null, expertsPerToken, renormalise));
    }
}
