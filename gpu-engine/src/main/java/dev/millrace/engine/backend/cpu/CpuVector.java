package dev.millrace.engine.backend.cpu;

import dev.millrace.engine.backend.Vector;

/** A constant vector on the heap: small, read by every row. */
record CpuVector(float[] values) implements Vector {
    @Override
    public int length() {
        return values.length;
    }
}
