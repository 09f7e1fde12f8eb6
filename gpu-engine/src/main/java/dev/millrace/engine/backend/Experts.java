package dev.millrace.engine.backend;

/**
 * A mixture-of-experts block.
 *
 * @param router hidden → numExperts
 * @param gateUp per expert, hidden → 2 * intermediate: gate rows, then up rows
 * @param down per expert, intermediate → hidden
 * @param expertsPerToken experts that each token is sent to
 * @param renormalise divide the chosen experts' softmax weights by their sum
 */
public record Experts(
        Linear router, Linear[] gateUp, Linear[] down, int expertsPerToken, boolean renormalise) {}
