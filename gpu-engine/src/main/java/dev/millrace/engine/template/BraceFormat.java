package dev.millrace.engine.template;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code str.format}: replacement fields in braces, with attributes, items, conversions and format
 * specifiers.
 */
final class BraceFormat {
    private static final Pattern STEP = Pattern.compile("\\.([^.\\[]+)|\\[([^]]+)]");

    private final CallArgs args;
    private final StringBuilder out = new StringBuilder();
    private int automatic;

    private BraceFormat(CallArgs args) {
        this.args = args;
    }

    /**
     * @param interpreter not needed, but every method of str is called with one
     */
    static String format(Interpreter interpreter, String text, CallArgs args) {
        BraceFormat format = new BraceFormat(args);
        format.run(text, 0);
        return format.out.toString();
    }

    private void run(String text, int depth) {
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i);
            boolean doubled = i + 1 < text.length() && text.charAt(i + 1) == c;
            if ((c == '{' || c == '}') && doubled) {
                out.append(c);
                i += 2;
            } else if (c == '{') {
                i = field(text, i + 1, depth);
            } else if (c == '}') {
                throw PyError.of("Single '}' encountered in format string");
            } else {
                out.append(c);
                i++;
            }
            PyText.checkLength(out.length());
        }
    }

    /**
     * @return index after the field whose inside starts at {@code start}
     */
    private int field(String text, int start, int depth) {
        int end = start;
        int open = 1;
        while (end < text.length()) {
            char c = text.charAt(end);
            open += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (open == 0) {
                break;
            }
            end++;
        }
        if (open > 0) {
            throw PyError.of(
                    start == text.length()
                            ? "Single '{' encountered in format string"
                            : "expected '}' before end of string");
        }
        String inside = text.substring(start, end);
        int colon = colon(inside);
        String name = colon < 0 ? inside : inside.substring(0, colon);
        char conversion = '\0';
        int bang = name.indexOf('!');
        if (bang >= 0) {
            if (bang + 2 != name.length()) {
                throw PyError.of("expected ':' after conversion specifier");
            }
            conversion = name.charAt(bang + 1);
            name = name.substring(0, bang);
        }
        Object value =
                converted(
                        value(name),
                        conversion); // before the specifier, whose own fields count on from here
        String spec = colon < 0 ? "" : nested(inside.substring(colon + 1), depth);
        out.append(spec.isEmpty() ? PyValues.str(value) : FormatSpec.parse(spec).format(value));
        return end + 1;
    }

    /** The colon that starts the specifier: not one inside brackets. */
    private static int colon(String field) {
        int brackets = 0;
        for (int i = 0; i < field.length(); i++) {
            switch (field.charAt(i)) {
                case '[' -> brackets++;
                case ']' -> brackets--;
                case ':' -> {
                    if (brackets <= 0) {
                        return i;
                    }
                }
                default -> {}
            }
        }
        return -1;
    }

    /** A specifier may itself have fields, once. */
    private String nested(String spec, int depth) {
        if (spec.indexOf('{') < 0) {
            return spec;
        }
        if (depth > 0) {
            throw PyError.of("Max string recursion exceeded");
        }
        int before = out.length();
        run(spec, depth + 1);
        String result = out.substring(before);
        out.setLength(before);
        return result;
    }

    private static Object converted(Object value, char conversion) {
        return switch (conversion) {
            case '\0' -> value instanceof Undefined ? "" : value;
            case 's' -> PyValues.str(value);
            case 'r', 'a' -> PyRepr.repr(value);
            default -> throw PyError.of("Unknown conversion specifier '" + conversion + "'");
        };
    }

    private Object value(String path) {
        int end = 0;
        while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
            end++;
        }
        Object value = argument(path.substring(0, end));
        Matcher step = STEP.matcher(path).region(end, path.length());
        int at = end;
        while (at < path.length()) {
            if (!step.region(at, path.length()).lookingAt()) {
                throw PyError.of("Empty attribute in format string");
            }
            String key = step.group(2);
            value =
                    key == null
                            ? Members.attribute(value, step.group(1))
                            : Members.item(
                                    value,
                                    key.matches("\\d{1,9}") ? (Object) Long.valueOf(key) : key);
            at = step.end();
        }
        return value;
    }

    private Object argument(String name) {
        boolean byPlace = name.isEmpty() || name.matches("\\d{1,9}");
        if (!byPlace) {
            if (!args.named().containsKey(name)) {
                throw PyError.of(PyRepr.text(name));
            }
            return args.named().get(name);
        }
        int place = name.isEmpty() ? automatic++ : Integer.parseInt(name);
        if (place >= args.positional().size()) {
            throw PyError.of("tuple index out of range");
        }
        return args.positional().get(place);
    }
}
