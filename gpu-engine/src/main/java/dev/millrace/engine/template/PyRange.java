package dev.millrace.engine.template;

import java.util.AbstractList;
import java.util.List;

/** Python's range: a sequence of integers that is not a list. */
record PyRange(long start, long stop, long step) {

    PyRange {
        if (step == 0) {
            throw PyError.of("range() arg 3 must not be zero");
        }
    }

    long size() {
        if (step > 0) {
            return start < stop ? (Math.subtractExact(stop, start) - 1) / step + 1 : 0;
        }
        return start > stop ? (Math.subtractExact(start, stop) - 1) / -step + 1 : 0;
    }

    /** The items, computed on access. */
    List<Object> items() {
        return new AbstractList<>() {
            @Override
            public Object get(int index) {
                return start + index * step;
            }

            @Override
            public int size() {
                return Math.toIntExact(PyRange.this.size());
            }
        };
    }
}
