package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Finding and splitting, as str's methods do; positions are in code points. */
final class StringSplits {
    private StringSplits() {}

    static List<Object> split(String text, CallArgs args) {
        Object separator = args.get(0, "sep", null);
        long most = args.integer(1, "maxsplit", -1);
        return separator == null ? splitOnSpace(text, most) : splitOn(text, separator(separator), most);
    }

    static List<Object> rsplit(String text, CallArgs args) {
        Object separator = args.get(0, "sep", null);
        long most = args.integer(1, "maxsplit", -1);
        return separator == null ? rsplitOnSpace(text, most) : rsplitOn(text, separator(separator), most);
    }

    private static String separator(Object value) {
        if (!PyValues.isText(value)) {
            throw PyError.of("must be str or None, not " + PyValues.typeName(value));
        }
        String separator = PyValues.text(value);
        if (separator.isEmpty()) {
            throw PyError.of("empty separator");
        }
        return separator;
    }

    private static List<Object> splitOn(String text, String separator, long most) {
        List<Object> parts = new ArrayList<>();
        int from = 0;
        int at = text.indexOf(separator);
        while (at >= 0 && (most < 0 || parts.size() < most)) {
            parts.add(text.substring(from, at));
            from = at + separator.length();
            at = text.indexOf(separator, from);
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static List<Object> rsplitOn(String text, String separator, long most) {
        List<Object> parts = new ArrayList<>();
        int to = text.length();
        while (most < 0 || parts.size() < most) {
            int at = to < separator.length() ? -1 : text.lastIndexOf(separator, to - separator.length());
            if (at < 0) {
                break;
            }
            parts.add(text.substring(at + separator.length(), to));
            to = at;
        }
        parts.add(text.substring(0, to));
        Collections.reverse(parts);
        return parts;
    }

    private static List<Object> splitOnSpace(String text, long most) {
        List<Object> parts = new ArrayList<>();
        int start = skip(text, 0, true);
        while (start < text.length()) {
            if (most >= 0 && parts.size() == most) {
                parts.add(text.substring(start));
                break;
            }
            int end = skip(text, start, false);
            parts.add(text.substring(start, end));
            start = skip(text, end, true);
        }
        return parts;
    }

    /** First index from {@code from} on that is not space, or that is. */
    private static int skip(String text, int from, boolean space) {
        int at = from;
        while (at < text.length() && PyText.isSpace(text.charAt(at)) == space) {
            at++;
        }
        return at;
    }

    private static List<Object> rsplitOnSpace(String text, long most) {
        List<Object> parts = new ArrayList<>();
        int end = skipBack(text, text.length(), true);
        while (end > 0) {
            if (most >= 0 && parts.size() == most) {
                parts.add(text.substring(0, end));
                break;
            }
            int start = skipBack(text, end, false);
            parts.add(text.substring(start, end));
            end = skipBack(text, start, true);
        }
        Collections.reverse(parts);
        return parts;
    }

    private static int skipBack(String text, int from, boolean space) {
        int at = from;
        while (at > 0 && PyText.isSpace(text.charAt(at - 1)) == space) {
            at--;
        }
        return at;
    }

    static PyTuple partition(String text, String separator) {
        int at = text.indexOf(separator(separator));
        return at < 0 ? PyTuple.of(text, "", "")
                : PyTuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    }

    static PyTuple rpartition(String text, String separator) {
        int at = text.lastIndexOf(separator(separator));
        return at < 0 ? PyTuple.of("", "", text)
                : PyTuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    }

    /** Place of a text in another, or -1; start and stop limit where it may lie. */
    static long find(String text, CallArgs args, boolean last) {
        args.check("find", 1, "sub", "start", "stop");
        String wanted = args.text(0, "sub", null);
        int size = PyText.length(text);
        int from = bound(args.get(1, "start", null), size, 0);
        int to = Math.min(size, bound(args.get(2, "stop", null), size, size));
        if (from > to) {
            return -1;
        }
        String part = PyText.substring(text, from, to);
        int at = last ? part.lastIndexOf(wanted) : part.indexOf(wanted);
        return at < 0 ? -1 : from + part.codePointCount(0, at);
    }

    static long count(String text, CallArgs args) {
        args.check("count", 1, "sub", "start", "stop");
        String wanted = args.text(0, "sub", null);
        int size = PyText.length(text);
        int from = bound(args.get(1, "start", null), size, 0);
        int to = Math.min(size, bound(args.get(2, "stop", null), size, size));
        if (from > to) {
            return 0;
        }
        String part = PyText.substring(text, from, to);
        return wanted.isEmpty() ? PyText.length(part) + 1L : splitOn(part, wanted, -1).size() - 1L;
    }

    private static int bound(Object index, int size, int fallback) {
        if (index == null) {
            return fallback;
        }
        long value = PyNumbers.index(index);
        return (int) Math.max(0, Math.min(value < 0 ? value + size : value, value > size ? size + 1L : size));
    }
}
