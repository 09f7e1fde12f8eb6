package dev.millrace.engine.template;

import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code text % values}, Python's printf-style formatting. */
final class PrintfFormat {
    private static final Pattern CONVERSION =
            Pattern.compile(
                    "%(?:\\(([^)]*)\\))?([-+ #0]*)(\\*|\\d{1,9})?(?:\\.(\\*|\\d{0,4}))?[hlL]?(.)?",
                    Pattern.DOTALL);

    private final Object values;
    private final List<Object> sequence;
    private int used;

    private PrintfFormat(Object values) {
        this.values = values;
        this.sequence =
                values instanceof PyTuple tuple ? tuple.items() : Collections.singletonList(values);
    }

    static String format(String text, Object values) {
        return new PrintfFormat(values).run(text);
    }

    /** The same on marked text: what is put in is escaped, unless it is marked too. */
    static Markup format(Markup text, Object values) {
        Object escaped =
                switch (values) {
                    case PyTuple tuple ->
                            new PyTuple(tuple.items().stream().map(PrintfFormat::escape).toList());
                    case Map<?, ?> map -> {
                        Map<Object, Object> copy = new LinkedHashMap<>();
                        PyValues.dict(map).forEach((key, value) -> copy.put(key, escape(value)));
                        yield copy;
                    }
                    case null, default -> escape(values);
                };
        return new Markup(format(text.text(), escaped));
    }

    private static Object escape(Object value) {
        return PyNumbers.isNumber(value) ? value : Markup.escape(value).text();
    }

    private String run(String text) {
        StringBuilder out = new StringBuilder();
        Matcher matcher = CONVERSION.matcher(text);
        int from = 0;
        while (matcher.find(from)) {
            out.append(text, from, matcher.start()).append(convert(matcher));
            PyText.checkLength(out.length());
            from = matcher.end();
        }
        out.append(text, from, text.length());
        boolean hasItems =
                values instanceof Map
                        || values instanceof List
                        || values instanceof PyRange
                        || values instanceof Undefined; // what has items may be left unused
        if (used < sequence.size() && !hasItems) {
            throw PyError.of("not all arguments converted during string formatting");
        }
        return out.toString();
    }

    private String convert(Matcher matcher) {
        if (matcher.group(5) == null) {
            throw PyError.of("incomplete format");
        }
        char type = matcher.group(5).charAt(0);
        if (type == '%') {
            return "%";
        }
        String flags = matcher.group(2);
        long width = number(matcher.group(3), 0);
        boolean left = flags.contains("-") || width < 0;
        int precision = matcher.group(4) == null ? -1 : (int) number(matcher.group(4), 0);
        Object value = matcher.group(1) == null ? next() : named(matcher.group(1));
        char sign = flags.contains("+") ? '+' : flags.contains(" ") ? ' ' : '-';
        boolean zero = flags.contains("0") && !left && "diouxXeEfFgG".indexOf(type) >= 0;
        char align = left ? '<' : zero ? '=' : '>';
        return write(
                value,
                type,
                new Layout(
                        zero ? "0" : " ",
                        align,
                        sign,
                        flags.contains("#"),
                        Math.abs(width),
                        precision));
    }

    /** What flags, width and precision say. */
    private record Layout(
            String fill, char align, char sign, boolean alternate, long width, int precision) {
        FormatSpec spec(int shownPrecision, char type) {
            return new FormatSpec(fill, align, sign, alternate, width, '\0', shownPrecision, type);
        }
    }

    private static String write(Object value, char type, Layout layout) {
        return switch (type) {
            case 's' -> layout.spec(layout.precision, 's').format(PyValues.str(value));
            case 'r', 'a' -> layout.spec(layout.precision, 's').format(PyRepr.repr(value));
            case 'c' ->
                    layout.spec(-1, 's')
                            .format(PyValues.isText(value) ? value : FormatSpec.character(value));
            case 'd', 'i', 'u' -> layout.spec(-1, 'd').format(whole(value, type, true));
            case 'x', 'X', 'o' -> layout.spec(-1, type).format(whole(value, type, false));
            case 'e', 'E', 'f', 'F', 'g', 'G' ->
                    layout.spec(layout.precision, type).format(PyNumbers.real(value));
            default -> throw PyError.of("unsupported format character '" + type + "'");
        };
    }

    private static Object whole(Object value, char type, boolean floatsToo) {
        boolean number = PyNumbers.isInteger(value) || floatsToo && value instanceof Double;
        if (!number) {
            throw PyError.of(
                    "%"
                            + type
                            + " format: a real number is required, not "
                            + PyValues.typeName(value));
        }
        return value instanceof Double d
                ? PyNumbers.integer(new BigDecimal(d).toBigInteger())
                : PyNumbers.integer(PyNumbers.big(value));
    }

    private long number(String text, long fallback) {
        if (text == null || text.isEmpty()) {
            return fallback;
        }
        return text.equals("*") ? PyNumbers.index(next()) : Long.parseLong(text);
    }

    private Object next() {
        if (used >= sequence.size()) {
            throw PyError.of("not enough arguments for format string");
        }
        return sequence.get(used++);
    }

    private Object named(String name) {
        if (!(values instanceof Map<?, ?> map)) {
            throw PyError.of("format requires a mapping");
        }
        Object key = PyValues.findKey(PyValues.dict(map), name);
        if (key == PyValues.ABSENT) {
            throw PyError.of(PyRepr.text(name));
        }
        return map.get(key);
    }
}
