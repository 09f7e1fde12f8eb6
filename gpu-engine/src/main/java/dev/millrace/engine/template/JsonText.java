package dev.millrace.engine.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * {@code json.dumps}, to the last space: ", " and ": " between parts, one item a line where an
 * indent is given.
 */
final class JsonText {
    private final StringBuilder out = new StringBuilder();
    private final boolean asciiOnly;
    private final boolean sortKeys;
    private final String indent;
    private final String itemSeparator;
    private final String keySeparator;

    private JsonText(CallArgs args) {
        args.check("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
        asciiOnly = args.flag(0, "ensure_ascii", false);
        indent = indent(args.get(1, "indent", null));
        Object separators = args.get(2, "separators", null);
        if (separators == null) {
            itemSeparator = indent == null ? ", " : ",";
            keySeparator = ": ";
        } else {
            List<Object> pair = SequenceFilters.pair(separators);
            itemSeparator = PyValues.text(pair.get(0));
            keySeparator = PyValues.text(pair.get(1));
        }
        sortKeys = args.flag(3, "sort_keys", false);
    }

    /**
     * @param args ensure_ascii, indent, separators, sort_keys
     */
    static String of(Object value, CallArgs args) {
        JsonText json = new JsonText(args);
        json.write(value, 0);
        return json.out.toString();
    }

    private static String indent(Object indent) {
        if (indent == null || PyValues.isText(indent)) {
            return indent == null ? null : PyValues.text(indent);
        }
        return PyText.repeat(" ", PyNumbers.index(indent));
    }

    private void write(Object value, int level) {
        PyText.checkLength(out.length());
        switch (value) {
            case null -> out.append("null");
            case Boolean b -> out.append(b.booleanValue());
            case Long l -> out.append(l.longValue());
            case BigInteger b -> out.append(b);
            case Double d -> out.append(number(d));
            case String s -> writeText(s);
            case Markup m -> writeText(m.text());
            case List<?> l -> writeList(PyValues.list(l), level);
            case PyTuple t -> writeList(t.items(), level);
            case Map<?, ?> m -> writeDict(PyValues.dict(m), level);
            default ->
                    throw PyError.of(
                            "Object of type "
                                    + PyValues.typeName(value)
                                    + " is not JSON serializable");
        }
    }

    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "NaN";
        }
        return Double.isInfinite(value)
                ? (value > 0 ? "Infinity" : "-Infinity")
                : PyRepr.number(value);
    }

    private void writeList(List<Object> items, int level) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append('[');
        Iterator<Object> rest = items.iterator();
        while (rest.hasNext()) {
            newLine(level + 1);
            write(rest.next(), level + 1);
            out.append(rest.hasNext() ? itemSeparator : "");
        }
        newLine(level);
        out.append(']');
    }

    private void writeDict(Map<Object, Object> map, int level) {
        if (map.isEmpty()) {
            out.append("{}");
            return;
        }
        out.append('{');
        List<Map.Entry<Object, Object>> entries = new ArrayList<>(map.entrySet());
        if (sortKeys) {
            entries.sort((a, b) -> PyValues.order(a.getKey(), b.getKey()));
        }
        Iterator<Map.Entry<Object, Object>> rest = entries.iterator();
        while (rest.hasNext()) {
            Map.Entry<Object, Object> entry = rest.next();
            newLine(level + 1);
            writeText(key(entry.getKey()));
            out.append(keySeparator);
            write(entry.getValue(), level + 1);
            out.append(rest.hasNext() ? itemSeparator : "");
        }
        newLine(level);
        out.append('}');
    }

    private static String key(Object key) {
        return switch (key) {
            case null -> "null";
            case Boolean b -> b.toString();
            case Double d -> number(d);
            case Long l -> l.toString();
            case BigInteger b -> b.toString();
            case String s -> s;
            default ->
                    throw PyError.of(
                            "keys must be str, int, float, bool or None, not "
                                    + PyValues.typeName(key));
        };
    }

    private void newLine(int level) {
        if (indent != null) {
            out.append('\n').append(PyText.repeat(indent, level));
        }
    }

    private void writeText(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\f' -> out.append("\\f");
                case '\b' -> out.append("\\b");
                default -> {
                    if (c < ' ' || asciiOnly && c > '~') {
                        out.append(String.format("\\u%04x", (int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
