package dev.millrace.engine.template;

/** Backslash escapes of string literals, as Python's {@code unicode-escape} reads them. */
final class StringEscapes {
    private StringEscapes() {}

    /**
     * @throws PyError for a broken escape; an unknown one stays as it is
     */
    static String resolve(String body) {
        if (body.indexOf('\\') < 0) {
            return body;
        }
        StringBuilder out = new StringBuilder(body.length());
        int i = 0;
        while (i < body.length()) {
            char c = body.charAt(i++);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            if (i == body.length()) {
                throw PyError.of("\\ at end of string");
            }
            i = escape(body, i, out);
        }
        return out.toString();
    }

    /**
     * @return index after the escape whose letter is at {@code i}
     */
    private static int escape(String body, int i, StringBuilder out) {
        char letter = body.charAt(i);
        switch (letter) {
            case '\n' -> {}
            case '\\', '\'', '"' -> out.append(letter);
            case 'a' -> out.append('\u0007');
            case 'b' -> out.append('\b');
            case 'f' -> out.append('\f');
            case 'n' -> out.append('\n');
            case 'r' -> out.append('\r');
            case 't' -> out.append('\t');
            case 'v' -> out.append('\u000B');
            case 'x' -> {
                return hex(body, i + 1, 2, out);
            }
            case 'u' -> {
                return hex(body, i + 1, 4, out);
            }
            case 'U' -> {
                return hex(body, i + 1, 8, out);
            }
            case 'N' -> {
                return named(body, i + 1, out);
            }
            default -> {
                return octalOrUnknown(body, i, out);
            }
        }
        return i + 1;
    }

    private static int hex(String body, int start, int digits, StringBuilder out) {
        int end = start + digits;
        if (end > body.length() || !body.substring(start, end).matches("[0-9a-fA-F]+")) {
            throw PyError.of(
                    "truncated \\"
                            + (digits == 2 ? "xXX" : digits == 4 ? "uXXXX" : "UXXXXXXXX")
                            + " escape");
        }
        long codePoint = Long.parseLong(body, start, end, 16);
        if (codePoint > Character.MAX_CODE_POINT) {
            throw PyError.of("illegal Unicode character");
        }
        out.appendCodePoint((int) codePoint);
        return end;
    }

    private static int named(String body, int start, StringBuilder out) {
        int end = body.indexOf('}', start);
        if (end < 0 || body.charAt(start) != '{') {
            throw PyError.of("malformed \\N character escape");
        }
        try {
            out.appendCodePoint(Character.codePointOf(body.substring(start + 1, end)));
        } catch (IllegalArgumentException e) {
            throw PyError.of("unknown Unicode character name");
        }
        return end + 1;
    }

    private static int octalOrUnknown(String body, int start, StringBuilder out) {
        int end = start;
        int value = 0;
        while (end < body.length()
                && end < start + 3
                && body.charAt(end) >= '0'
                && body.charAt(end) <= '7') {
            value = value * 8 + body.charAt(end++) - '0';
        }
        if (end == start) {
            out.append('\\').append(body.charAt(start));
            return start + 1;
        }
        out.append((char) value);
        return end;
    }
}
