package dev.millrace.engine.template;

import java.util.Arrays;
import java.util.List;

/** Python's tuple. */
record PyTuple(List<Object> items) {
    static PyTuple of(Object... items) {
        return new PyTuple(Arrays.asList(items));
    }
}
