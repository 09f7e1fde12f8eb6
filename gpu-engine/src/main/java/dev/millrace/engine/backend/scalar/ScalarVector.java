package dev.millrace.engine.backend.scalar;

import dev.millrace.engine.backend.Vector;

record ScalarVector(float[] values) implements Vector {
    @Override
    public int length() {
        return values.length;
    }
}
