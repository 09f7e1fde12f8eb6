package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** Filters that pick, map and cut sequences, and the default of a missing value. */
final class SequenceFilters {

    static final Map<String, Filters.Filter> TABLE =
            Map.ofEntries(
                    Map.entry("default", (in, v, args) -> orDefault(v, args)),
                    Map.entry("d", (in, v, args) -> orDefault(v, args)),
                    Map.entry("length", (in, v, args) -> PyValues.length(v)),
                    Map.entry("count", (in, v, args) -> PyValues.length(v)),
                    Map.entry("list", (in, v, args) -> PyValues.items(v)),
                    Map.entry("first", (in, v, args) -> first(v)),
                    Map.entry("last", (in, v, args) -> last(v)),
                    Map.entry("reverse", (in, v, args) -> reverse(v)),
                    Map.entry("items", (in, v, args) -> items(v)),
                    Map.entry("map", SequenceFilters::map),
                    Map.entry("select", (in, v, args) -> select(in, v, args, false, true)),
                    Map.entry("reject", (in, v, args) -> select(in, v, args, false, false)),
                    Map.entry("selectattr", (in, v, args) -> select(in, v, args, true, true)),
                    Map.entry("rejectattr", (in, v, args) -> select(in, v, args, true, false)),
                    Map.entry(
                            "batch",
                            (in, v, args) ->
                                    batch(v, args.check("batch", 1, "linecount", "fill_with"))),
                    Map.entry(
                            "slice",
                            (in, v, args) ->
                                    slices(v, args.check("slice", 1, "slices", "fill_with"))),
                    Map.entry(
                            "attr",
                            (in, v, args) ->
                                    attr(v, args.check("attr", 1, "name").text(0, "name", null))));

    private SequenceFilters() {}

    private static Object orDefault(Object value, CallArgs args) {
        args.check("default", 0, "default_value", "boolean");
        boolean missing =
                value instanceof Undefined
                        || args.flag(1, "boolean", false) && !PyValues.truthy(value);
        return missing ? args.get(0, "default_value", "") : value;
    }

    private static Object first(Object value) {
        Iterator<Object> items = PyValues.iterate(value);
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    }

    private static Object last(Object value) {
        List<Object> items = reversible(value);
        return items.isEmpty()
                ? new Undefined("No last item, sequence was empty.")
                : items.getLast();
    }

    private static List<Object> reversible(Object value) {
        if (value instanceof PyIterator || !PyValues.isIterable(value)) {
            throw PyError.of(PyRepr.text(PyValues.typeName(value)) + " object is not reversible");
        }
        return PyValues.items(value);
    }

    private static Object reverse(Object value) {
        if (PyValues.isText(value)) {
            return Members.slice(value, null, null, -1L);
        }
        if (!PyValues.isIterable(value)) {
            throw PyError.of("argument must be iterable");
        }
        List<Object> items = PyValues.items(value);
        Collections.reverse(items);
        return value instanceof PyIterator
                ? items
                : new PyIterator(PyValues.typeName(value) + "_reverseiterator", items.iterator());
    }

    private static Object items(Object value) {
        if (value instanceof Undefined) {
            return PyIterator.generator(Collections.emptyIterator());
        }
        if (!(value instanceof Map<?, ?> map)) {
            throw PyError.of("Can only get item pairs from a mapping.");
        }
        return PyIterator.generator(
                new DictView(DictView.Kind.ITEMS, PyValues.dict(map)).items().iterator());
    }

    private static Object map(Interpreter interpreter, Object value, CallArgs args) {
        if (!PyValues.truthy(value)) {
            return PyIterator.generator(Collections.emptyIterator());
        }
        if (args.positional().isEmpty() && args.named().containsKey("attribute")) {
            args.check("map", 0, "", "attribute", "default");
            AttributePath path = AttributePath.of(args.named().get("attribute"));
            Object fallback = args.named().get("default");
            return PyIterator.generator(
                    PyIterators.map(
                            PyValues.iterate(value),
                            item -> {
                                interpreter.budget().step();
                                return path.get(item, fallback);
                            }));
        }
        if (args.positional().isEmpty()) {
            throw PyError.of("map requires a filter argument");
        }
        String name = filterName(args.positional().getFirst());
        CallArgs rest = args.from(1);
        return PyIterator.generator(
                PyIterators.map(
                        PyValues.iterate(value),
                        item -> {
                            interpreter.budget().step();
                            return Filters.apply(interpreter, name, item, rest);
                        }));
    }

    private static String filterName(Object name) {
        if (!PyValues.isText(name)) {
            throw PyError.of("No filter named " + PyRepr.repr(name) + ".");
        }
        return PyValues.text(name);
    }

    private static Object select(
            Interpreter interpreter,
            Object value,
            CallArgs args,
            boolean byAttribute,
            boolean wanted) {
        if (!PyValues.truthy(value)) {
            return PyIterator.generator(Collections.emptyIterator());
        }
        if (byAttribute && args.positional().isEmpty()) {
            throw PyError.of("Missing parameter for attribute name");
        }
        AttributePath path =
                byAttribute
                        ? AttributePath.of(args.positional().getFirst())
                        : AttributePath.of(null);
        int place = byAttribute ? 1 : 0;
        boolean named = args.positional().size() > place;
        CallArgs rest = args.from(place + 1);
        Predicate<Object> test =
                item -> {
                    interpreter.budget().step();
                    Object subject = path.get(item);
                    return wanted
                            == (named
                                    ? ValueTests.apply(
                                            PyValues.text(args.positional().get(place)),
                                            subject,
                                            rest)
                                    : PyValues.truthy(subject));
                };
        return PyIterator.generator(PyIterators.filter(PyValues.iterate(value), test));
    }

    private static Object batch(Object value, CallArgs args) {
        long size = args.integer(0, "linecount", 1);
        Object fill = args.get(1, "fill_with", null);
        List<Object> batches = new ArrayList<>();
        List<Object> current = new ArrayList<>();
        for (Object item : PyValues.items(value)) {
            if (current.size() == size) {
                batches.add(current);
                current = new ArrayList<>();
            }
            current.add(item);
        }
        if (!current.isEmpty()) {
            PyText.checkLength(fill == null ? 0 : size);
            while (fill != null && current.size() < size) {
                current.add(fill);
            }
            batches.add(current);
        }
        return PyIterator.generator(batches.iterator());
    }

    private static Object slices(Object value, CallArgs args) {
        List<Object> items = PyValues.items(value);
        long count = args.integer(0, "slices", 1);
        if (count == 0) {
            throw PyError.of("integer division or modulo by zero");
        }
        PyText.checkLength(count);
        Object fill = args.get(1, "fill_with", null);
        long size = items.size() / count;
        long longer = items.size() % count;
        List<Object> slices = new ArrayList<>();
        int from = 0;
        for (long i = 0; i < count; i++) {
            int to = (int) (from + size + (i < longer ? 1 : 0));
            List<Object> slice = new ArrayList<>(items.subList(from, to));
            if (fill != null && i >= longer) {
                slice.add(fill);
            }
            slices.add(slice);
            from = to;
        }
        return PyIterator.generator(slices.iterator());
    }

    private static Object attr(Object value, String name) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        Object attribute = Members.find(value, name);
        return attribute == PyValues.ABSENT ? Undefined.member(value, name) : attribute;
    }

    /** Two items, no more and no less. */
    static List<Object> pair(Object value) {
        List<Object> both = PyValues.items(value);
        if (both.size() > 2) {
            throw PyError.of("too many values to unpack (expected 2)");
        }
        if (both.size() < 2) {
            throw PyError.of("not enough values to unpack (expected 2, got " + both.size() + ")");
        }
        return both;
    }

    /** A dict of entries, in order. */
    static Map<Object, Object> dictOf(List<Object> pairs) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Object pair : pairs) {
            List<Object> both = PyValues.items(pair);
            if (both.size() != 2) {
                throw PyError.of(
                        "dictionary update sequence element has length "
                                + both.size()
                                + "; 2 is required");
            }
            PyValues.put(map, both.get(0), both.get(1));
        }
        return map;
    }
}
