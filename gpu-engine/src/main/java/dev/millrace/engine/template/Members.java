package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code object.name}, {@code object[key]} and slices, inside Jinja's immutable sandbox: a dot
 * prefers the attribute (so that {@code message.items} is the method), brackets prefer the item,
 * and what is not there is undefined.
 */
final class Members {
    private static final Set<String> LIST_CHANGES =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
    private static final Set<String> DICT_CHANGES =
            Set.of("clear", "pop", "popitem", "setdefault", "update");

    private Members() {}

    static Object attribute(Object object, String name) {
        if (object instanceof Undefined undefined) {
            throw undefined.error();
        }
        Object attribute = find(object, name);
        if (attribute != PyValues.ABSENT) {
            return attribute;
        }
        Object item =
                object instanceof Map<?, ?> map
                        ? lookup(PyValues.dict(map), name)
                        : PyValues.ABSENT;
        return item == PyValues.ABSENT ? Undefined.member(object, name) : item;
    }

    static Object item(Object object, Object key) {
        Object item =
                switch (object) {
                    case Undefined undefined -> throw undefined.error();
                    case Map<?, ?> map ->
                            key instanceof Map || key instanceof List
                                    ? PyValues.ABSENT
                                    : lookup(PyValues.dict(map), key);
                    case String text ->
                            at(PyText.length(text), key, i -> PyText.substring(text, i, i + 1));
                    case Markup text ->
                            at(
                                    PyText.length(text.text()),
                                    key,
                                    i -> new Markup(PyText.substring(text.text(), i, i + 1)));
                    case List<?> list -> at(list.size(), key, list::get);
                    case PyTuple tuple -> at(tuple.items().size(), key, tuple.items()::get);
                    case PyRange range -> at((int) range.size(), key, range.items()::get);
                    case null, default -> PyValues.ABSENT;
                };
        if (item == PyValues.ABSENT && PyValues.isText(key)) {
            item = find(object, PyValues.text(key));
        }
        return item == PyValues.ABSENT ? Undefined.member(object, key) : item;
    }

    private static Object lookup(Map<Object, Object> map, Object key) {
        Object found = PyValues.findKey(map, key);
        return found == PyValues.ABSENT ? PyValues.ABSENT : map.get(found);
    }

    private interface Items {
        Object get(int index);
    }

    private static Object at(int size, Object key, Items items) {
        if (!PyNumbers.isInteger(key)) {
            return PyValues.ABSENT;
        }
        long index = PyNumbers.index(key);
        index = index < 0 ? index + size : index;
        return index >= 0 && index < size ? items.get((int) index) : PyValues.ABSENT;
    }

    /** An attribute by Python's {@code getattr}, or {@link PyValues#ABSENT}. */
    static Object find(Object object, String name) {
        boolean internal =
                name.startsWith("__") && name.endsWith("__") && !(object instanceof Namespace);
        boolean changes =
                object instanceof List && LIST_CHANGES.contains(name)
                        || object instanceof Map && DICT_CHANGES.contains(name);
        if (internal || changes) {
            return Undefined.unsafe(object, name);
        }
        return switch (object) {
            case Namespace namespace ->
                    namespace.attributes().containsKey(name)
                            ? namespace.attributes().get(name)
                            : PyValues.ABSENT;
            case LoopContext loop -> loop.attribute(name);
            case Macro macro -> macro.attribute(name);
            case Globals.Cycler cycler -> cycler.attribute(name);
            case String text -> orAbsent(StringMethods.find(text, name));
            case Markup text -> orAbsent(StringMethods.find(text, name));
            case null, default -> orAbsent(ContainerMethods.find(object, name));
        };
    }

    private static Object orAbsent(Object method) {
        return method == null ? PyValues.ABSENT : method;
    }

    /** {@code object[start:stop:step]}; null (None) stands for what is left out. */
    static Object slice(Object object, Object start, Object stop, Object step) {
        return switch (object) {
            case Undefined undefined -> throw undefined.error();
            case String text -> sliceText(text, start, stop, step);
            case Markup text -> new Markup(sliceText(text.text(), start, stop, step));
            case List<?> list -> slice(PyValues.list(list), start, stop, step);
            case PyTuple tuple -> new PyTuple(slice(tuple.items(), start, stop, step));
            case PyRange range -> sliceRange(range, start, stop, step);
            case Map<?, ?> map -> throw PyError.of("unhashable type: 'slice'");
            case null, default ->
                    throw PyError.of(
                            PyRepr.text(PyValues.typeName(object))
                                    + " object is not subscriptable");
        };
    }

    private static String sliceText(String text, Object start, Object stop, Object step) {
        Bounds bounds = Bounds.of(PyText.length(text), start, stop, step);
        if (bounds.step == 1) {
            return bounds.count == 0
                    ? ""
                    : PyText.substring(
                            text, (int) bounds.first, (int) (bounds.first + bounds.count));
        }
        StringBuilder out = new StringBuilder();
        slice(PyText.characters(text), start, stop, step).forEach(out::append);
        return out.toString();
    }

    private static List<Object> slice(List<Object> items, Object start, Object stop, Object step) {
        Bounds bounds = Bounds.of(items.size(), start, stop, step);
        List<Object> part = new ArrayList<>((int) bounds.count);
        for (long i = 0; i < bounds.count; i++) {
            part.add(items.get((int) (bounds.first + i * bounds.step)));
        }
        return part;
    }

    private static PyRange sliceRange(PyRange range, Object start, Object stop, Object step) {
        Bounds bounds = Bounds.of((int) range.size(), start, stop, step);
        long first = range.start() + bounds.first * range.step();
        long stride = range.step() * bounds.step;
        return new PyRange(first, first + bounds.count * stride, stride);
    }

    /**
     * Which items a slice takes: {@code count} of them, from {@code first} in steps of {@code
     * step}.
     */
    private record Bounds(long first, long count, long step) {

        static Bounds of(int size, Object start, Object stop, Object step) {
            long stride = step == null ? 1 : index(step);
            if (stride == 0) {
                throw PyError.of("slice step cannot be zero");
            }
            boolean forward = stride > 0;
            long lowest = forward ? 0 : -1;
            long highest = forward ? size : size - 1;
            long from =
                    start == null
                            ? (forward ? lowest : highest)
                            : clamp(index(start), size, lowest, highest);
            long to =
                    stop == null
                            ? (forward ? highest : lowest)
                            : clamp(index(stop), size, lowest, highest);
            long distance = forward ? to - from : from - to;
            return new Bounds(
                    from, distance <= 0 ? 0 : (distance - 1) / Math.abs(stride) + 1, stride);
        }

        private static long index(Object value) {
            if (value instanceof Undefined || !PyNumbers.isInteger(value)) {
                throw PyError.of(
                        "slice indices must be integers or None or have an __index__ method");
            }
            return PyNumbers.index(value);
        }

        private static long clamp(long index, int size, long lowest, long highest) {
            long fromStart = index < 0 ? index + size : index;
            return Math.max(lowest, Math.min(highest, fromStart));
        }
    }
}
