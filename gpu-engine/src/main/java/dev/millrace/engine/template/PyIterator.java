package dev.millrace.engine.template;

import java.util.Iterator;

/**
 * What can be gone through once and has no length: a generator, or what {@code reverse} gives.
 *
 * @param typeName Python's name of its type
 */
record PyIterator(String typeName, Iterator<Object> items) {
    static PyIterator generator(Iterator<Object> items) {
        return new PyIterator("generator", items);
    }
}
