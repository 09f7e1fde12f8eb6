package dev.millrace.engine.backend;

/**
 * Rotary embedding (RoFormer, arXiv 2104.09864) in the half-split layout of Hugging Face
 * checkpoints: element i is rotated with element i + headDim / 2 by angle position *
 * inverseFrequency[i].
 *
 * @param cos [positions * headDim / 2]
 * @param sin [positions * headDim / 2]
 */
public record RopeTable(int positions, int headDim, float[] cos, float[] sin) {}
