package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Filters that compare the items of a sequence: sorting, grouping, least and greatest. Text
 * compares without case.
 */
final class OrderFilters {

    static final Map<String, Filters.Filter> TABLE =
            Map.of(
                    "sort",
                            (in, v, args) ->
                                    sort(
                                            v,
                                            args.check(
                                                    "sort",
                                                    0,
                                                    "reverse",
                                                    "case_sensitive",
                                                    "attribute")),
                    "dictsort",
                            (in, v, args) ->
                                    dictSort(
                                            v,
                                            args.check(
                                                    "dictsort",
                                                    0,
                                                    "case_sensitive",
                                                    "by",
                                                    "reverse")),
                    "unique",
                            (in, v, args) ->
                                    unique(
                                            v,
                                            args.check("unique", 0, "case_sensitive", "attribute")),
                    "groupby",
                            (in, v, args) ->
                                    groupBy(
                                            v,
                                            args.check(
                                                    "groupby",
                                                    1,
                                                    "attribute",
                                                    "default",
                                                    "case_sensitive")),
                    "min",
                            (in, v, args) ->
                                    extreme(
                                            v,
                                            args.check("min", 0, "case_sensitive", "attribute"),
                                            -1),
                    "max",
                            (in, v, args) ->
                                    extreme(
                                            v,
                                            args.check("max", 0, "case_sensitive", "attribute"),
                                            1));

    private OrderFilters() {}

    /** An item's value to compare by, with the item. */
    private record Keyed(Object key, Object item) {}

    private static Object fold(Object value, boolean caseSensitive) {
        return !caseSensitive && PyValues.isText(value)
                ? PyText.lower(PyValues.text(value))
                : value;
    }

    private static List<Object> sorted(
            List<Object> items, UnaryOperator<Object> key, boolean reverse) {
        List<Keyed> keyed = new ArrayList<>();
        items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
        Comparator<Keyed> order = (a, b) -> PyValues.order(a.key, b.key);
        try {
            keyed.sort(reverse ? order.reversed() : order); // stable either way, as Python's
        } catch (IllegalArgumentException e) { // NaN among the keys orders nothing
            throw PyError.of("the values cannot be sorted: " + e.getMessage());
        }
        List<Object> result = new ArrayList<>();
        keyed.forEach(k -> result.add(k.item));
        return result;
    }

    private static Object sort(Object value, CallArgs args) {
        boolean caseSensitive = args.flag(1, "case_sensitive", false);
        Object attribute = args.get(2, "attribute", null);
        List<AttributePath> paths = new ArrayList<>();
        if (PyValues.isText(attribute)) {
            for (String part : PyValues.text(attribute).split(",", -1)) {
                paths.add(AttributePath.of(part));
            }
        } else {
            paths.add(AttributePath.of(attribute));
        }
        UnaryOperator<Object> key =
                item -> {
                    List<Object> keys = new ArrayList<>();
                    paths.forEach(path -> keys.add(fold(path.get(item), caseSensitive)));
                    return keys;
                };
        return sorted(PyValues.items(value), key, args.flag(0, "reverse", false));
    }

    private static Object dictSort(Object value, CallArgs args) {
        if (!(value instanceof Map<?, ?> map)) {
            throw value instanceof Undefined u
                    ? u.error()
                    : PyError.of(
                            PyRepr.text(PyValues.typeName(value))
                                    + " object has no attribute 'items'");
        }
        boolean caseSensitive = args.flag(0, "case_sensitive", false);
        int place =
                switch (args.text(1, "by", "key")) {
                    case "key" -> 0;
                    case "value" -> 1;
                    default -> throw PyError.of("You can only sort by either \"key\" or \"value\"");
                };
        List<Object> entries =
                new ArrayList<>(new DictView(DictView.Kind.ITEMS, PyValues.dict(map)).items());
        return sorted(
                entries,
                entry -> fold(((PyTuple) entry).items().get(place), caseSensitive),
                args.flag(2, "reverse", false));
    }

    private static Object unique(Object value, CallArgs args) {
        boolean caseSensitive = args.flag(0, "case_sensitive", false);
        AttributePath path = AttributePath.of(args.get(1, "attribute", null));
        Map<Object, Object> seen = new LinkedHashMap<>();
        for (Object item : PyValues.items(value)) {
            Object key = fold(path.get(item), caseSensitive);
            if (PyValues.findKey(seen, key) == PyValues.ABSENT) {
                PyValues.put(seen, key, item);
            }
        }
        return PyIterator.generator(seen.values().iterator());
    }

    private static Object groupBy(Object value, CallArgs args) {
        AttributePath path = AttributePath.of(args.get(0, "attribute", null));
        Object fallback = args.get(1, "default", null);
        boolean caseSensitive = args.flag(2, "case_sensitive", false);
        UnaryOperator<Object> key = item -> fold(path.get(item, fallback), caseSensitive);
        List<Object> groups = new ArrayList<>();
        List<Object> current = null;
        Object currentKey = null;
        for (Object item : sorted(PyValues.items(value), key, false)) {
            Object itemKey = key.apply(item);
            if (current == null || !PyValues.equal(currentKey, itemKey)) {
                current = new ArrayList<>();
                currentKey = itemKey;
                groups.add(PyTuple.of(path.get(item, fallback), current));
            }
            current.add(item);
        }
        return groups;
    }

    private static Object extreme(Object value, CallArgs args, int sign) {
        boolean caseSensitive = args.flag(0, "case_sensitive", false);
        AttributePath path = AttributePath.of(args.get(1, "attribute", null));
        List<Object> items = PyValues.items(value);
        if (items.isEmpty()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        UnaryOperator<Object> key = item -> fold(path.get(item), caseSensitive);
        Object best = items.getFirst();
        for (Object item : items.subList(1, items.size())) {
            Object itemKey = key.apply(item);
            Object bestKey = key.apply(best);
            boolean better =
                    sign > 0
                            ? PyValues.less(bestKey, itemKey, ">")
                            : PyValues.less(itemKey, bestKey, "<");
            best = better ? item : best;
        }
        return best;
    }
}
