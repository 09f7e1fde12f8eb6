package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.Buffer;

/** @param values [rows][cols] */
record ScalarBuffer(int rows, int cols, float[][] values) implements Buffer {
    ScalarBuffer(int rows, int cols) {
        this(rows, cols, new float[rows][cols]);
    }
}
