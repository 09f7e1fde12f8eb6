package dev.millrace.engine.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Python's view of values. They are held as: null (None), Boolean, Long or BigInteger (int), Double
 * (float), String and {@link Markup} (str), List, {@link PyTuple}, Map (dict, in order of
 * insertion), {@link PyRange}, {@link DictView}, {@link PyIterator}, {@link Namespace}, {@link
 * PyCallable} and {@link Undefined}.
 */
final class PyValues {
    private PyValues() {}

    static String typeName(Object value) {
        return switch (value) {
            case null -> "NoneType";
            case Boolean b -> "bool";
            case Long l -> "int";
            case BigInteger b -> "int";
            case Double d -> "float";
            case String s -> "str";
            case Markup m -> "Markup";
            case List<?> l -> "list";
            case PyTuple t -> "tuple";
            case Map<?, ?> m -> "dict";
            case PyRange r -> "range";
            case DictView v -> v.typeName();
            case PyIterator i -> i.typeName();
            case Namespace n -> "TemplateNamespace";
            case Undefined u -> "Undefined";
            case PyCallable c -> c.typeName();
            default ->
                    throw new IllegalArgumentException(
                            "no template value: " + value.getClass().getName());
        };
    }

    @SuppressWarnings("unchecked") // a dict's keys and values are values by construction
    static Map<Object, Object> dict(Object value) {
        return (Map<Object, Object>) value;
    }

    @SuppressWarnings("unchecked") // a list's items are values by construction
    static List<Object> list(Object value) {
        return (List<Object>) value;
    }

    static boolean isText(Object value) {
        return value instanceof String || value instanceof Markup;
    }

    /** The characters of a str. */
    static String text(Object value) {
        return switch (value) {
            case String s -> s;
            case Markup m -> m.text();
            case Undefined u -> throw u.error();
            case null, default ->
                    throw PyError.of("a string is required, not " + PyRepr.text(typeName(value)));
        };
    }

    static boolean truthy(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Long l -> l != 0;
            case BigInteger b -> b.signum() != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case Markup m -> !m.text().isEmpty();
            case List<?> l -> !l.isEmpty();
            case PyTuple t -> !t.items().isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            case PyRange r -> r.size() > 0;
            case DictView v -> !v.map().isEmpty();
            case LoopContext l -> l.length() > 0;
            case Undefined u -> false;
            default -> true;
        };
    }

    /** {@code str(value)}: what printing shows. */
    static String str(Object value) {
        return switch (value) {
            case String s -> s;
            case Markup m -> m.text();
            case Undefined u -> "";
            case null, default -> PyRepr.repr(value);
        };
    }

    /** {@code len(value)}. */
    static long length(Object value) {
        return switch (value) {
            case String s -> PyText.length(s);
            case Markup m -> PyText.length(m.text());
            case List<?> l -> l.size();
            case PyTuple t -> t.items().size();
            case Map<?, ?> m -> m.size();
            case PyRange r -> r.size();
            case DictView v -> v.map().size();
            case LoopContext l -> l.length();
            case Undefined u -> 0;
            case null, default ->
                    throw PyError.of(
                            "object of type " + PyRepr.text(typeName(value)) + " has no len()");
        };
    }

    static boolean isIterable(Object value) {
        return isText(value)
                || value instanceof List
                || value instanceof PyTuple
                || value instanceof Map
                || value instanceof PyRange
                || value instanceof DictView
                || value instanceof PyIterator
                || value instanceof Undefined;
    }

    static Iterator<Object> iterate(Object value) {
        return switch (value) {
            case String s -> PyText.characters(s).iterator();
            case Markup m -> PyText.characters(m.text()).iterator();
            case List<?> l -> list(l).iterator();
            case PyTuple t -> t.items().iterator();
            case Map<?, ?> m -> dict(m).keySet().iterator();
            case PyRange r -> r.items().iterator();
            case DictView v -> v.items().iterator();
            case PyIterator i -> i.items();
            case Undefined u -> List.of().iterator();
            case null, default ->
                    throw PyError.of(PyRepr.text(typeName(value)) + " object is not iterable");
        };
    }

    /** {@code list(value)}: a fresh list of the items. */
    static List<Object> items(Object value) {
        List<Object> items = new ArrayList<>();
        iterate(value).forEachRemaining(items::add);
        return items;
    }

    /** {@code a == b}. */
    static boolean equal(Object a, Object b) {
        if (PyNumbers.isNumber(a) && PyNumbers.isNumber(b)) {
            return !PyNumbers.isNaN(a) && !PyNumbers.isNaN(b) && PyNumbers.compare(a, b) == 0;
        }
        if (isText(a) && isText(b)) {
            return text(a).equals(text(b));
        }
        if (a instanceof Undefined && b instanceof Undefined) {
            return true;
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            return equalItems(list(x), list(y));
        }
        if (a instanceof PyTuple x && b instanceof PyTuple y) {
            return equalItems(x.items(), y.items());
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            return equalDicts(dict(x), dict(y));
        }
        return a == null ? b == null : a.equals(b);
    }

    private static boolean equalItems(List<Object> a, List<Object> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!equal(a.get(i), b.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean equalDicts(Map<Object, Object> a, Map<Object, Object> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (Map.Entry<Object, Object> entry : a.entrySet()) {
            Object key = findKey(b, entry.getKey());
            if (key == ABSENT || !equal(entry.getValue(), b.get(key))) {
                return false;
            }
        }
        return true;
    }

    /** {@code a < b}, by {@code operator} as the message names it. */
    static boolean less(Object a, Object b, String operator) {
        if (PyNumbers.isNumber(a) && PyNumbers.isNumber(b)) {
            return !PyNumbers.isNaN(a) && !PyNumbers.isNaN(b) && PyNumbers.compare(a, b) < 0;
        }
        if (isText(a) && isText(b)) {
            return compareCodePoints(text(a), text(b)) < 0;
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            return lessItems(list(x), list(y), operator);
        }
        if (a instanceof PyTuple x && b instanceof PyTuple y) {
            return lessItems(x.items(), y.items(), operator);
        }
        if (a instanceof Undefined u) {
            throw u.error();
        }
        if (b instanceof Undefined u) {
            throw u.error();
        }
        boolean swapped = operator.startsWith(">");
        throw PyError.of(
                PyRepr.text(operator)
                        + " not supported between instances of "
                        + PyRepr.text(typeName(swapped ? b : a))
                        + " and "
                        + PyRepr.text(typeName(swapped ? a : b)));
    }

    private static boolean lessItems(List<Object> a, List<Object> b, String operator) {
        int common = Math.min(a.size(), b.size());
        for (int i = 0; i < common; i++) {
            if (!equal(a.get(i), b.get(i))) {
                return less(a.get(i), b.get(i), operator);
            }
        }
        return a.size() < b.size();
    }

    /** The order of sorting. */
    static int order(Object a, Object b) {
        if (less(a, b, "<")) {
            return -1;
        }
        return less(b, a, "<") ? 1 : 0;
    }

    private static int compareCodePoints(String a, String b) {
        int i = 0;
        while (i < a.length() && i < b.length()) {
            int x = a.codePointAt(i);
            int y = b.codePointAt(i);
            if (x != y) {
                return Integer.compare(x, y);
            }
            i += Character.charCount(x);
        }
        return Integer.compare(a.length(), b.length());
    }

    /** {@code item in container}. */
    static boolean contains(Object container, Object item) {
        if (isText(container)) {
            if (!isText(item)) {
                throw PyError.of(
                        "'in <string>' requires string as left operand, not " + typeName(item));
            }
            return text(container).contains(text(item));
        }
        if (container instanceof Map<?, ?> map) {
            return findKey(dict(map), item) != ABSENT;
        }
        if (container instanceof DictView view && view.kind() == DictView.Kind.KEYS) {
            return findKey(view.map(), item) != ABSENT;
        }
        if (!isIterable(container)) {
            throw PyError.of(
                    "argument of type " + PyRepr.text(typeName(container)) + " is not iterable");
        }
        Iterator<Object> items = iterate(container);
        while (items.hasNext()) {
            if (equal(items.next(), item)) {
                return true;
            }
        }
        return false;
    }

    /** What {@link #findKey} gives where the key is not in the dict; None is a key like another. */
    static final Object ABSENT = new Object();

    /**
     * The key of the dict that equals {@code key}, which may be of another type: 1, 1.0 and True
     * are one key.
     */
    static Object findKey(Map<Object, Object> map, Object key) {
        Object plain = hashable(key);
        if (map.containsKey(plain)) {
            return plain;
        }
        if (!PyNumbers.isNumber(plain)) {
            return ABSENT;
        }
        for (Object candidate : map.keySet()) {
            if (PyNumbers.isNumber(candidate) && equal(candidate, plain)) {
                return candidate;
            }
        }
        return ABSENT;
    }

    /** Checks that a value may be a key; marked text is a key like plain text. */
    static Object hashable(Object key) {
        if (key instanceof List || key instanceof Map) {
            throw PyError.of("unhashable type: " + PyRepr.text(typeName(key)));
        }
        if (key instanceof PyTuple tuple) {
            return new PyTuple(tuple.items().stream().map(PyValues::hashable).toList());
        }
        return key instanceof Markup markup ? markup.text() : key;
    }

    /** Puts an entry as a dict does: the first key of those that are equal stays. */
    static void put(Map<Object, Object> map, Object key, Object value) {
        Object existing = findKey(map, key);
        map.put(existing == ABSENT ? hashable(key) : existing, value);
    }

    /**
     * {@code a is b}: identity, which for text and numbers is taken as equality of the same type.
     */
    static boolean same(Object a, Object b) {
        if (a == b) {
            return true;
        }
        boolean plain = a instanceof String || a instanceof Long || a instanceof Boolean;
        return plain && Objects.equals(a, b);
    }
}
