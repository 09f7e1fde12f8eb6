package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.IntPredicate;

/** Methods of str. What is called on {@link Markup} gives Markup again. */
final class StringMethods {

    /** A method without its object. */
    private interface Method {
        Object apply(Interpreter interpreter, String text, CallArgs args);
    }

    private static final Map<String, Method> METHODS =
            Map.ofEntries(
                    plain("upper", s -> PyText.upper(s)),
                    plain("lower", s -> PyText.lower(s)),
                    plain("casefold", s -> PyText.lower(PyText.upper(s))),
                    plain("title", s -> PyText.title(s)),
                    plain("capitalize", s -> PyText.capitalize(s)),
                    plain("swapcase", s -> swapCase(s)),
                    Map.entry(
                            "strip",
                            (in, s, args) -> PyText.strip(s, chars("strip", args), true, true)),
                    Map.entry(
                            "lstrip",
                            (in, s, args) -> PyText.strip(s, chars("lstrip", args), true, false)),
                    Map.entry(
                            "rstrip",
                            (in, s, args) -> PyText.strip(s, chars("rstrip", args), false, true)),
                    Map.entry(
                            "removeprefix",
                            (in, s, args) -> removePrefix(s, oneText("removeprefix", args))),
                    Map.entry(
                            "removesuffix",
                            (in, s, args) -> removeSuffix(s, oneText("removesuffix", args))),
                    Map.entry(
                            "split",
                            (in, s, args) ->
                                    StringSplits.split(
                                            s, args.check("split", 0, "sep", "maxsplit"))),
                    Map.entry(
                            "rsplit",
                            (in, s, args) ->
                                    StringSplits.rsplit(
                                            s, args.check("rsplit", 0, "sep", "maxsplit"))),
                    Map.entry(
                            "splitlines",
                            (in, s, args) ->
                                    PyText.lines(
                                            s,
                                            args.check("splitlines", 0, "keepends")
                                                    .flag(0, "keepends", false))),
                    Map.entry(
                            "partition",
                            (in, s, args) -> StringSplits.partition(s, oneText("partition", args))),
                    Map.entry(
                            "rpartition",
                            (in, s, args) ->
                                    StringSplits.rpartition(s, oneText("rpartition", args))),
                    Map.entry("replace", (in, s, args) -> replace(s, args)),
                    Map.entry("join", (in, s, args) -> join(s, args)),
                    Map.entry("format", BraceFormat::format),
                    Map.entry(
                            "format_map",
                            (in, s, args) ->
                                    BraceFormat.format(
                                            in, s, new CallArgs(List.of(), stringKeys(args)))),
                    Map.entry("startswith", (in, s, args) -> affix(s, args, true)),
                    Map.entry("endswith", (in, s, args) -> affix(s, args, false)),
                    Map.entry("find", (in, s, args) -> StringSplits.find(s, args, false)),
                    Map.entry("rfind", (in, s, args) -> StringSplits.find(s, args, true)),
                    Map.entry("index", (in, s, args) -> found(StringSplits.find(s, args, false))),
                    Map.entry("rindex", (in, s, args) -> found(StringSplits.find(s, args, true))),
                    Map.entry("count", (in, s, args) -> StringSplits.count(s, args)),
                    Map.entry("center", (in, s, args) -> center(s, args)),
                    Map.entry("ljust", (in, s, args) -> pad(s, args, '<')),
                    Map.entry("rjust", (in, s, args) -> pad(s, args, '>')),
                    Map.entry(
                            "zfill",
                            (in, s, args) ->
                                    zeroFill(
                                            s,
                                            args.check("zfill", 1, "width")
                                                    .integer(0, "width", 0))),
                    Map.entry(
                            "expandtabs",
                            (in, s, args) ->
                                    expandTabs(
                                            s,
                                            args.check("expandtabs", 0, "tabsize")
                                                    .integer(0, "tabsize", 8))),
                    plain("isspace", s -> all(s, PyText::isSpace)),
                    plain("isalpha", s -> all(s, Character::isLetter)),
                    plain("isalnum", s -> all(s, c -> Character.isLetter(c) || isNumeric(c))),
                    plain(
                            "isdigit",
                            s -> all(s, c -> Character.isDigit(c) || isSuperscriptDigit(c))),
                    plain("isdecimal", s -> all(s, Character::isDigit)),
                    plain("isnumeric", s -> all(s, StringMethods::isNumeric)),
                    plain("isascii", s -> s.codePoints().allMatch(c -> c < 0x80)),
                    plain("isprintable", s -> s.codePoints().allMatch(PyRepr::isPrintable)),
                    plain("isidentifier", s -> isIdentifier(s)),
                    plain("islower", s -> isCase(s, false)),
                    plain("isupper", s -> isCase(s, true)),
                    plain(
                            "istitle",
                            s ->
                                    !s.isEmpty()
                                            && PyText.title(s).equals(s)
                                            && s.codePoints().anyMatch(PyText::isCased)));

    private StringMethods() {}

    /** A method without arguments. */
    private static Map.Entry<String, Method> plain(String name, Function<String, Object> function) {
        return Map.entry(
                name,
                (in, text, args) -> {
                    if (!args.positional().isEmpty() || !args.named().isEmpty()) {
                        int given = args.positional().size() + args.named().size();
                        throw PyError.of(
                                "str." + name + "() takes no arguments (" + given + " given)");
                    }
                    return function.apply(text);
                });
    }

    /** The method bound to its text; null where there is none of that name. */
    static PyCallable find(Object object, String name) {
        Method method = METHODS.get(name);
        if (method == null) {
            return null;
        }
        String text = PyValues.text(object);
        if (object instanceof Markup) {
            return (interpreter, args) -> marked(method.apply(interpreter, text, args));
        }
        return (interpreter, args) -> method.apply(interpreter, text, args);
    }

    private static Object marked(Object result) {
        return switch (result) {
            case String text -> new Markup(text);
            case List<?> list ->
                    new ArrayList<>(
                            PyValues.list(list).stream().map(StringMethods::marked).toList());
            case null, default -> result;
        };
    }

    private static String chars(String method, CallArgs args) {
        Object chars = args.check(method, 0, "chars").get(0, "chars", null);
        if (chars != null && !PyValues.isText(chars)) {
            throw PyError.of(method + " arg must be None or str");
        }
        return chars == null ? null : PyValues.text(chars);
    }

    private static String oneText(String method, CallArgs args) {
        return args.check(method, 1, "text").text(0, "text", null);
    }

    private static String removePrefix(String text, String prefix) {
        return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
    }

    private static String removeSuffix(String text, String suffix) {
        return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
    }

    private static String replace(String text, CallArgs args) {
        args.check("replace", 2, "old", "new", "count");
        return PyText.replace(
                text,
                args.text(0, "old", null),
                args.text(1, "new", null),
                args.integer(2, "count", -1));
    }

    private static String join(String separator, CallArgs args) {
        StringBuilder out = new StringBuilder();
        int index = 0;
        for (Object item :
                PyValues.items(args.check("join", 1, "iterable").get(0, "iterable", null))) {
            if (!PyValues.isText(item)) {
                throw PyError.of(
                        "sequence item "
                                + index
                                + ": expected str instance, "
                                + PyValues.typeName(item)
                                + " found");
            }
            out.append(index++ == 0 ? "" : separator).append(PyValues.text(item));
            PyText.checkLength(out.length());
        }
        return out.toString();
    }

    private static Map<String, Object> stringKeys(CallArgs args) {
        Map<String, Object> named = new LinkedHashMap<>();
        Object map = args.check("format_map", 1, "mapping").get(0, "mapping", null);
        if (!(map instanceof Map<?, ?>)) {
            throw PyError.of("format_map() needs a mapping, not " + PyValues.typeName(map));
        }
        PyValues.dict(map).forEach((key, value) -> named.put(PyValues.str(key), value));
        return named;
    }

    /** Whether the text starts or ends with one of several; start and stop cut the text before. */
    private static boolean affix(String text, CallArgs args, boolean atStart) {
        args.check(atStart ? "startswith" : "endswith", 1, "prefix", "start", "stop");
        String part =
                (String)
                        Members.slice(
                                text, args.get(1, "start", null), args.get(2, "stop", null), null);
        Object wanted = args.get(0, "prefix", null);
        List<Object> choices =
                wanted instanceof PyTuple tuple
                        ? tuple.items()
                        : List.of(requireText(wanted, atStart));
        for (Object choice : choices) {
            String affix = PyValues.text(choice);
            if (atStart ? part.startsWith(affix) : part.endsWith(affix)) {
                return true;
            }
        }
        return false;
    }

    private static Object requireText(Object value, boolean atStart) {
        if (!PyValues.isText(value)) {
            throw PyError.of(
                    (atStart ? "startswith" : "endswith")
                            + " first arg must be str or a tuple of str, not "
                            + PyValues.typeName(value));
        }
        return value;
    }

    private static long found(long index) {
        if (index < 0) {
            throw PyError.of("substring not found");
        }
        return index;
    }

    private static String pad(String text, CallArgs args, char align) {
        args.check("ljust", 1, "width", "fillchar");
        String fill = args.text(1, "fillchar", " ");
        if (PyText.length(fill) != 1) {
            throw PyError.of("The fill character must be exactly one character long");
        }
        return PyText.pad(text, args.integer(0, "width", 0), fill, align);
    }

    /** Unlike a format's, this centring puts an odd blank on the left where the width is odd. */
    private static String center(String text, CallArgs args) {
        args.check("center", 1, "width", "fillchar");
        long width = args.integer(0, "width", 0);
        long missing = width - PyText.length(text);
        if (missing <= 0) {
            return text;
        }
        long left = missing / 2 + (missing & width & 1);
        String fill = args.text(1, "fillchar", " ");
        return PyText.repeat(fill, left) + text + PyText.repeat(fill, missing - left);
    }

    private static String zeroFill(String text, long width) {
        boolean signed = text.startsWith("-") || text.startsWith("+");
        String digits = signed ? text.substring(1) : text;
        return (signed ? text.substring(0, 1) : "")
                + PyText.pad(digits, signed ? width - 1 : width, "0", '>');
    }

    private static String expandTabs(String text, long size) {
        StringBuilder out = new StringBuilder();
        long column = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\t') {
                long blanks = size > 0 ? size - column % size : 0;
                out.append(PyText.repeat(" ", blanks));
                column += blanks;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
        }
        return out.toString();
    }

    private static String swapCase(String text) {
        StringBuilder out = new StringBuilder();
        text.codePoints()
                .forEach(
                        c ->
                                out.append(
                                        Character.isUpperCase(c)
                                                ? PyText.lower(Character.toString(c))
                                                : PyText.upper(Character.toString(c))));
        return out.toString();
    }

    private static boolean all(String text, IntPredicate test) {
        return !text.isEmpty() && text.codePoints().allMatch(test);
    }

    private static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER;
    }

    private static boolean isSuperscriptDigit(int c) {
        return c == 0xB2
                || c == 0xB3
                || c == 0xB9
                || c == 0x2070
                || c >= 0x2074 && c <= 0x2079
                || c >= 0x2080 && c <= 0x2089;
    }

    private static boolean isIdentifier(String text) {
        return !text.isEmpty()
                && (text.charAt(0) == '_'
                        || Character.isUnicodeIdentifierStart(text.codePointAt(0)))
                && text.codePoints().allMatch(Character::isUnicodeIdentifierPart);
    }

    /** Whether there is a cased character and all such are upper (or lower) case. */
    static boolean isCase(String text, boolean upper) {
        return text.codePoints().anyMatch(PyText::isCased)
                && text.codePoints()
                        .filter(PyText::isCased)
                        .allMatch(c -> upper ? Character.isUpperCase(c) : Character.isLowerCase(c));
    }
}
