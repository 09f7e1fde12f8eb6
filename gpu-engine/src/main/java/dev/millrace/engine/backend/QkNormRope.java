package dev.millrace.engine.backend;

/**
 * What happens to the q and k heads of a layer before they meet: a norm over each head, where the
 * family has one, then the rotation.
 *
 * @param qNorm [headDim], or null for none
 * @param kNorm [headDim], or null for none
 * @param epsilon of the norms
 */
public record QkNormRope(Vector qNorm, Vector kNorm, float epsilon, RopeTable rope) {}
