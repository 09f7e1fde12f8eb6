/**
 * Checks and measurements of a CUDA device on the user's own machine: what {@code ops/gpu-check}
 * runs.
 */
package dev.millrace.engine.bench;
