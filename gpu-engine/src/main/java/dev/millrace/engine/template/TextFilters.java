package dev.millrace.engine.template;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Filters that give text. */
final class TextFilters {
    private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

    /** What {@code title} takes for the end of a word. */
    private static final Pattern WORD_START =
            Pattern.compile("[-({\\[<\\s\\x1c-\\x1f\\x85]+", Pattern.UNICODE_CHARACTER_CLASS);

    private static final Pattern TAG = Pattern.compile("<!--.*?-->|<[^>]*>", Pattern.DOTALL);

    static final Map<String, Filters.Filter> TABLE =
            Map.ofEntries(
                    Map.entry("upper", (in, v, args) -> keep(v, PyText.upper(soft(v)))),
                    Map.entry("lower", (in, v, args) -> keep(v, PyText.lower(soft(v)))),
                    Map.entry("capitalize", (in, v, args) -> keep(v, PyText.capitalize(soft(v)))),
                    Map.entry("title", (in, v, args) -> title(soft(v))),
                    Map.entry("trim", (in, v, args) -> trim(v, args.check("trim", 0, "chars"))),
                    Map.entry("string", (in, v, args) -> keep(v, soft(v))),
                    Map.entry("safe", (in, v, args) -> new Markup(PyValues.str(v))),
                    Map.entry("escape", (in, v, args) -> Markup.escape(v)),
                    Map.entry("e", (in, v, args) -> Markup.escape(v)),
                    Map.entry("forceescape", (in, v, args) -> Markup.escape(PyValues.str(v))),
                    Map.entry("striptags", (in, v, args) -> stripTags(PyValues.str(v))),
                    Map.entry(
                            "replace",
                            (in, v, args) ->
                                    replace(v, args.check("replace", 2, "old", "new", "count"))),
                    Map.entry(
                            "join",
                            (in, v, args) -> join(v, args.check("join", 0, "d", "attribute"))),
                    Map.entry(
                            "indent",
                            (in, v, args) ->
                                    indent(v, args.check("indent", 0, "width", "first", "blank"))),
                    Map.entry(
                            "format",
                            (in, v, args) ->
                                    v instanceof Markup text
                                            ? PrintfFormat.format(text, formatValues(args))
                                            : PrintfFormat.format(soft(v), formatValues(args))),
                    Map.entry(
                            "truncate",
                            (in, v, args) ->
                                    truncate(
                                            PyValues.text(v),
                                            args.check(
                                                    "truncate",
                                                    0,
                                                    "length",
                                                    "killwords",
                                                    "end",
                                                    "leeway"))),
                    Map.entry(
                            "center",
                            (in, v, args) ->
                                    StringMethods.find(soft(v), "center")
                                            .call(
                                                    in,
                                                    CallArgs.of(
                                                            args.check("center", 0, "width")
                                                                    .get(0, "width", 80L)))),
                    Map.entry(
                            "wordcount", (in, v, args) -> WORD.matcher(soft(v)).results().count()),
                    Map.entry("urlencode", (in, v, args) -> urlEncode(v)),
                    Map.entry(
                            "xmlattr",
                            (in, v, args) ->
                                    xmlAttributes(
                                            v,
                                            args.check("xmlattr", 0, "autospace")
                                                    .flag(0, "autospace", true))),
                    Map.entry("pprint", (in, v, args) -> PyRepr.repr(v)),
                    Map.entry("tojson", (in, v, args) -> JsonText.of(v, args)));

    private TextFilters() {}

    /** Text of any value. */
    private static String soft(Object value) {
        return PyValues.str(value);
    }

    /** Marked text stays marked. */
    private static Object keep(Object value, String result) {
        return value instanceof Markup ? new Markup(result) : result;
    }

    private static String title(String text) {
        StringBuilder out = new StringBuilder();
        Matcher separator = WORD_START.matcher(text);
        int from = 0;
        while (separator.find()) {
            out.append(titleWord(text.substring(from, separator.start())))
                    .append(separator.group());
            from = separator.end();
        }
        return out.append(titleWord(text.substring(from))).toString();
    }

    private static String titleWord(String word) {
        if (word.isEmpty()) {
            return word;
        }
        int first = word.offsetByCodePoints(0, 1);
        return PyText.upper(word.substring(0, first)) + PyText.lower(word.substring(first));
    }

    private static Object trim(Object value, CallArgs args) {
        Object chars = args.get(0, "chars", null);
        return keep(
                value,
                PyText.strip(soft(value), chars == null ? null : PyValues.text(chars), true, true));
    }

    private static String stripTags(String text) {
        String bare = TAG.matcher(text).replaceAll("");
        List<Object> words = StringSplits.split(bare, CallArgs.NONE);
        String joined = String.join(" ", words.stream().map(PyValues::text).toList());
        return joined.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&#34;", "\"")
                .replace("&quot;", "\"")
                .replace("&#39;", "'")
                .replace("&amp;", "&");
    }

    private static String replace(Object value, CallArgs args) {
        Object count = args.get(2, "count", null);
        return PyText.replace(
                soft(value),
                soft(args.get(0, "old", null)),
                soft(args.get(1, "new", null)),
                count == null ? -1 : PyNumbers.index(count));
    }

    private static String join(Object value, CallArgs args) {
        String separator = soft(args.get(0, "d", ""));
        Object attribute = args.get(1, "attribute", null);
        Iterator<Object> items = PyValues.iterate(value);
        StringBuilder out = new StringBuilder();
        for (boolean first = true; items.hasNext(); first = false) {
            Object item = items.next();
            out.append(first ? "" : separator)
                    .append(soft(attribute == null ? item : AttributePath.of(attribute).get(item)));
            PyText.checkLength(out.length());
        }
        return out.toString();
    }

    private static Object indent(Object value, CallArgs args) {
        Object width = args.get(0, "width", 4L);
        String margin =
                PyValues.isText(width)
                        ? PyValues.text(width)
                        : PyText.repeat(" ", PyNumbers.index(width));
        if (!PyValues.isText(value)) {
            throw value instanceof Undefined u
                    ? u.error()
                    : PyError.of(
                            "unsupported operand type(s) for +=: "
                                    + PyRepr.text(PyValues.typeName(value))
                                    + " and 'str'");
        }
        boolean blankToo = args.flag(2, "blank", false);
        List<Object> lines = PyText.lines(PyValues.text(value) + "\n", false);
        StringBuilder out = new StringBuilder(args.flag(1, "first", false) ? margin : "");
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            boolean indented = i > 0 && (blankToo || !line.isEmpty());
            out.append(i > 0 ? "\n" : "").append(indented ? margin : "").append(line);
            PyText.checkLength(out.length());
        }
        return keep(value, out.toString());
    }

    private static Object formatValues(CallArgs args) {
        if (args.named().isEmpty()) {
            return new PyTuple(args.positional());
        }
        if (!args.positional().isEmpty()) {
            throw PyError.of("can't handle positional and keyword arguments at the same time");
        }
        return args.named();
    }

    private static String truncate(String text, CallArgs args) {
        long length = args.integer(0, "length", 255);
        String end = args.text(2, "end", "...");
        Object leeway = args.get(3, "leeway", null);
        if (length < PyText.length(end)) {
            throw PyError.of("expected length >= " + PyText.length(end) + ", got " + length);
        }
        if (PyText.length(text) <= length + (leeway == null ? 5 : PyNumbers.index(leeway))) {
            return text;
        }
        String cut = PyText.substring(text, 0, (int) length - PyText.length(end));
        if (!args.flag(1, "killwords", false) && cut.lastIndexOf(' ') >= 0) {
            cut = cut.substring(0, cut.lastIndexOf(' '));
        }
        return cut + end;
    }

    private static String urlEncode(Object value) {
        if (PyValues.isText(value) || !PyValues.isIterable(value)) {
            return quote(value).replace("%2F", "/").replace("+", "%20");
        }
        List<String> pairs = new ArrayList<>();
        for (Object pair :
                value instanceof Map<?, ?> map
                        ? new DictView(DictView.Kind.ITEMS, PyValues.dict(map)).items()
                        : PyValues.items(value)) {
            List<Object> both = SequenceFilters.pair(pair);
            pairs.add(quote(both.get(0)) + "=" + quote(both.get(1)));
        }
        return String.join("&", pairs);
    }

    private static String quote(Object value) {
        return URLEncoder.encode(soft(value), StandardCharsets.UTF_8)
                .replace("*", "%2A")
                .replace("%7E", "~");
    }

    private static String xmlAttributes(Object value, boolean leadingSpace) {
        if (!(value instanceof Map<?, ?> map)) {
            throw PyError.of(
                    PyRepr.text(PyValues.typeName(value) + " object")
                            + " has no attribute 'items'");
        }
        List<String> attributes = new ArrayList<>();
        PyValues.dict(map)
                .forEach(
                        (name, content) -> {
                            if (content != null && !(content instanceof Undefined)) {
                                attributes.add(
                                        Markup.escape(name).text()
                                                + "=\""
                                                + Markup.escape(content).text()
                                                + "\"");
                            }
                        });
        String all = String.join(" ", attributes);
        return leadingSpace && !all.isEmpty() ? " " + all : all;
    }
}
