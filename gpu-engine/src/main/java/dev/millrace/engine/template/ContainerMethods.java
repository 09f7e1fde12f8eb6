package dev.millrace.engine.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Methods of dict, list, tuple, range and numbers; those that would change a value are kept out by
 * {@link Members}.
 */
final class ContainerMethods {
    private ContainerMethods() {}

    /** A method bound to its object, or an attribute; null where there is none of that name. */
    static Object find(Object object, String name) {
        return switch (object) {
            case Map<?, ?> map -> ofDict(PyValues.dict(map), name);
            case List<?> list ->
                    name.equals("copy")
                            ? (PyCallable) (in, args) -> PyValues.items(list)
                            : ofSequence(PyValues.list(list), name);
            case PyTuple tuple -> ofSequence(tuple.items(), name);
            case PyRange range -> ofRange(range, name);
            case Double number -> ofFloat(number, name);
            case null -> null;
            default -> PyNumbers.isInteger(object) ? ofInteger(object, name) : null;
        };
    }

    private static PyCallable ofDict(Map<Object, Object> map, String name) {
        return switch (name) {
            case "get" ->
                    (in, args) -> {
                        args.check("get", 1, "key", "default");
                        Object key = PyValues.findKey(map, args.get(0, "key", null));
                        return key == PyValues.ABSENT ? args.get(1, "default", null) : map.get(key);
                    };
            case "items" -> view(map, DictView.Kind.ITEMS);
            case "keys" -> view(map, DictView.Kind.KEYS);
            case "values" -> view(map, DictView.Kind.VALUES);
            case "copy" -> (in, args) -> new LinkedHashMap<>(map);
            default -> null;
        };
    }

    private static PyCallable view(Map<Object, Object> map, DictView.Kind kind) {
        return (in, args) -> {
            args.check(kind.name().toLowerCase(Locale.ROOT), 0);
            return new DictView(kind, map);
        };
    }

    private static PyCallable ofSequence(List<Object> items, String name) {
        return switch (name) {
            case "index" ->
                    (in, args) -> {
                        args.check("index", 1, "value", "start", "stop");
                        return indexOf(items, args);
                    };
            case "count" ->
                    (in, args) -> {
                        Object wanted = args.check("count", 1, "value").get(0, "value", null);
                        return items.stream().filter(item -> PyValues.equal(item, wanted)).count();
                    };
            default -> null;
        };
    }

    private static long indexOf(List<Object> items, CallArgs args) {
        Object wanted = args.get(0, "value", null);
        long from = args.integer(1, "start", 0);
        long to = args.integer(2, "stop", items.size());
        from = from < 0 ? Math.max(0, from + items.size()) : from;
        to = Math.min(to < 0 ? to + items.size() : to, items.size());
        for (long i = from; i < to; i++) {
            if (PyValues.equal(items.get((int) i), wanted)) {
                return i;
            }
        }
        throw PyError.of(PyRepr.repr(wanted) + " is not in list");
    }

    private static Object ofRange(PyRange range, String name) {
        return switch (name) {
            case "start" -> range.start();
            case "stop" -> range.stop();
            case "step" -> range.step();
            default -> ofSequence(range.items(), name);
        };
    }

    private static Object ofFloat(double number, String name) {
        return switch (name) {
            case "is_integer" ->
                    (PyCallable)
                            (in, args) -> number == Math.rint(number) && !Double.isInfinite(number);
            case "real" -> number;
            case "imag" -> 0.0;
            default -> null;
        };
    }

    private static Object ofInteger(Object number, String name) {
        return switch (name) {
            case "bit_length" ->
                    (PyCallable) (in, args) -> (long) PyNumbers.big(number).abs().bitLength();
            case "real", "numerator" -> PyNumbers.integer(PyNumbers.big(number));
            case "imag" -> 0L;
            case "denominator" -> 1L;
            default -> null;
        };
    }
}
