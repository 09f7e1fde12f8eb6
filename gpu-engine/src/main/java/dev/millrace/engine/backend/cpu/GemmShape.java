package dev.millrace.engine.backend.cpu;

/**
 * What a prepared GEMM depends on besides its rows.
 *
 * @param inFeatures K, columns of a source row
 * @param columns output columns that it computes
 * @param rowStride floats from one output row to the next
 */
record GemmShape(GemmType type, int inFeatures, int columns, int rowStride, boolean bias) {}
