package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.Linear;

/**
 * @param weights [outFeatures][inFeatures]
 * @param bias [outFeatures]
 */
record ScalarLinear(int inFeatures, float[][] weights, float[] bias) implements Linear {
    @Override
    public int outFeatures() {
        return weights.length;
    }
}
