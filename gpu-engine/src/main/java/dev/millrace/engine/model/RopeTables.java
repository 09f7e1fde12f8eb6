package dev.millrace.engine.model;

import dev.millrace.engine.backend.RopeTable;

/** Cosines and sines of rotary positions, as the reference implementation computes them. */
final class RopeTables {
    private RopeTables() {}

    /**
     * A table for positions 0 .. positions - 1. The angle is position × frequency rounded to F32,
     * since that is what checkpoints were trained with and judged by; at position 100,000 the
     * rounding is no longer small.
     */
    static RopeTable of(RopeConfig rope, int headDim, int positions) {
        float[] frequencies = inverseFrequencies(rope, headDim);
        int half = frequencies.length;
        float[] cos = new float[Math.multiplyExact(positions, half)];
        float[] sin = new float[positions * half];
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < half; i++) {
                float angle = position * frequencies[i];
                cos[position * half + i] = (float) Math.cos(angle);
                sin[position * half + i] = (float) Math.sin(angle);
            }
        }
        return new RopeTable(positions, headDim, cos, sin);
    }

    /** theta^(-2i / headDim) for i below headDim / 2, stretched as the checkpoint says. */
    static float[] inverseFrequencies(RopeConfig rope, int headDim) {
        float[] frequencies = new float[headDim / 2];
        for (int i = 0; i < frequencies.length; i++) {
            float frequency = (float) (1 / Math.pow(rope.theta(), 2.0 * i / headDim));
            frequencies[i] =
                    switch (rope.scaling()) {
                        case DEFAULT -> frequency;
                        case LINEAR -> (float) (frequency / rope.factor());
                        case LLAMA3 -> llama3(rope, frequency);
                    };
        }
        return frequencies;
    }

    /**
     * Long waves are stretched by the factor, short ones kept, those between blended (Llama 3.1's
     * model card).
     */
    private static float llama3(RopeConfig rope, float frequency) {
        double turns = rope.originalMaxPositions() * frequency / (2 * Math.PI);
        double smooth =
                (turns - rope.lowFreqFactor()) / (rope.highFreqFactor() - rope.lowFreqFactor());
        double kept = Math.clamp(smooth, 0, 1);
        return (float) ((1 - kept) * frequency / rope.factor() + kept * frequency);
    }
}
