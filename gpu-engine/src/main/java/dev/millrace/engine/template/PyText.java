package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Python's rules for text: what is white space, a line, a character; strings are counted in code points. */
final class PyText {
    private PyText() {}

    /** Whether Python's {@code str.isspace} holds; all such characters are in the basic plane. */
    static boolean isSpace(int c) {
        if (c < 0x80) {
            return c == ' ' || c >= 0x09 && c <= 0x0D || c >= 0x1C && c <= 0x1F;
        }
        return c == 0x85 || c == 0xA0 || c == 0x1680 || c >= 0x2000 && c <= 0x200A
                || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
    }

    /** Whether the text from {@code start} on is white space, and not empty. */
    static boolean isBlank(String text, int start) {
        for (int i = start; i < text.length(); i++) {
            if (!isSpace(text.charAt(i))) {
                return false;
            }
        }
        return start < text.length();
    }

    static String stripEnd(String text) {
        return strip(text, null, false, true);
    }

    /** @param chars code points to strip, or null for white space */
    static String strip(String text, String chars, boolean start, boolean end) {
        int from = 0;
        int to = text.length();
        while (start && from < to && strips(text.codePointAt(from), chars)) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (end && to > from && strips(text.codePointBefore(to), chars)) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        return text.substring(from, to);
    }

    private static boolean strips(int c, String chars) {
        return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
    }

    /** Number of code points. */
    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** One string per code point. */
    static List<Object> characters(String text) {
        List<Object> characters = new ArrayList<>(text.length());
        text.codePoints().forEach(c -> characters.add(Character.toString(c)));
        return characters;
    }

    /** Part from one code point index to another, both within the text. */
    static String substring(String text, int from, int to) {
        if (text.codePointCount(0, text.length()) == text.length()) {
            return text.substring(from, to);
        }
        int start = text.offsetByCodePoints(0, from);
        return text.substring(start, text.offsetByCodePoints(start, to - from));
    }

    /** Lines without their ends, as {@code str.splitlines}. */
    static List<Object> lines(String text, boolean keepEnds) {
        List<Object> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            if (!isLineEnd(text.charAt(i))) {
                continue;
            }
            boolean pair = text.charAt(i) == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n';
            int next = i + (pair ? 2 : 1);
            lines.add(text.substring(start, keepEnds ? next : i));
            start = next;
            i = next - 1;
        }
        if (start < text.length()) {
            lines.add(text.substring(start));
        }
        return lines;
    }

    private static boolean isLineEnd(char c) {
        return c >= '\n' && c <= '\r' || c >= 0x1C && c <= 0x1E || c == 0x85 || c == 0x2028 || c == 0x2029;
    }

    static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    /** First character in title case, the rest in lower case. */
    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.codePointAt(0);
        return titleCase(first) + lower(text.substring(Character.charCount(first)));
    }

    /** Title case of one character, which may be several: that of U+00DF is "Ss". */
    static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        String upper = upper(Character.toString(c));
        if (title != c || upper.codePointCount(0, upper.length()) == 1) {
            return Character.toString(title);
        }
        int first = upper.codePointAt(0);
        return Character.toString(first) + lower(upper.substring(Character.charCount(first)));
    }

    /** {@code str.title}: a letter after one that has no case starts a word. */
    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            out.append(inWord ? lower(Character.toString(c)) : titleCase(c));
            inWord = isCased(c);
            i += Character.charCount(c);
        }
        return out.toString();
    }

    static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    /** Fails before a text is built that no prompt can be. */
    static void checkLength(long length) {
        if (length > RenderBudget.MAX_CHARS) {
            throw PyError.limit("a text grows beyond " + RenderBudget.MAX_CHARS + " characters");
        }
    }

    static String repeat(String text, long times) {
        if (times <= 0 || text.isEmpty()) {
            return "";
        }
        checkLength(times > RenderBudget.MAX_CHARS ? times : times * text.length());
        return text.repeat((int) times);
    }

    /** @param count most replacements to make; negative for all */
    static String replace(String text, String old, String with, long count) {
        if (count == 0) {
            return text;
        }
        StringBuilder out = new StringBuilder();
        int from = 0;
        long done = 0;
        while (count < 0 || done < count) {
            int at = old.isEmpty() ? nextBoundary(text, from, done) : text.indexOf(old, from);
            if (at < 0) {
                break;
            }
            out.append(text, from, at).append(with);
            checkLength(out.length());
            from = at + old.length();
            done++;
        }
        return out.append(text, from, text.length()).toString();
    }

    /** The empty string is found before each character and at the end. */
    private static int nextBoundary(String text, int from, long done) {
        if (done == 0) {
            return 0;
        }
        return from < text.length() ? from + Character.charCount(text.codePointAt(from)) : -1;
    }

    /** @param fill one character */
    static String pad(String text, long width, String fill, char align) {
        long missing = width - length(text);
        if (missing <= 0) {
            return text;
        }
        long left = switch (align) {
            case '<' -> 0;
            case '>' -> missing;
            default -> missing / 2;
        };
        return repeat(fill, left) + text + repeat(fill, missing - left);
    }
}
