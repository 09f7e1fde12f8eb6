package dev.millrace.engine.template;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Iterators that compute their items only when asked, as Python's generators do. */
final class PyIterators {
    private PyIterators() {}

    static Iterator<Object> map(Iterator<Object> items, UnaryOperator<Object> function) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return items.hasNext();
            }

            @Override
            public Object next() {
                return function.apply(items.next());
            }
        };
    }

    static Iterator<Object> filter(Iterator<Object> items, Predicate<Object> keeps) {
        return new Iterator<>() {
            private Object found;
            private boolean ready;

            @Override
            public boolean hasNext() {
                while (!ready && items.hasNext()) {
                    found = items.next();
                    ready = keeps.test(found);
                }
                return ready;
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                ready = false;
                return found;
            }
        };
    }
}
