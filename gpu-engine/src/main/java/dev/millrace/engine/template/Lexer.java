package dev.millrace.engine.template;

import dev.millrace.engine.template.Token.Type;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens as Jinja2 does with {@code trim_blocks} and {@code lstrip_blocks} on
 * and {@code keep_trailing_newline} off: the newline after a block or comment goes, so do blanks
 * before one that starts its line, so does one newline at the very end. A {@code -} strips all
 * white space on its side, a {@code +} keeps it.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/#whitespace-control">white
 *     space control</a>
 */
final class Lexer {
    private static final Pattern RAW_BEGIN = Pattern.compile("\\{%([-+]?)\\s*raw\\s*(-?)%}");
    private static final Pattern RAW_END = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}");
    private static final Pattern FLOAT =
            Pattern.compile(
                    "(?<!\\.)(?:\\d+_)*\\d+"
                            + "(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)");
    private static final Pattern INTEGER =
            Pattern.compile(
                    "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");
    private static final Pattern OPERATOR =
            Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");

    private final String name;
    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private final Deque<Character> open = new ArrayDeque<>();
    private int position;
    private int line = 1;
    private boolean lineStarting = true;

    private Lexer(String name, String source) {
        this.name = name;
        this.source = source;
    }

    /**
     * @throws TemplateException of kind SYNTAX, with the line
     */
    static List<Token> tokenize(String name, String source) {
        String normal = source.replace("\r\n", "\n").replace('\r', '\n');
        if (normal.endsWith("\n")) {
            normal = normal.substring(0, normal.length() - 1);
        }
        Lexer lexer = new Lexer(name, normal);
        while (lexer.position < normal.length()) {
            lexer.dataAndTag();
        }
        lexer.add(Type.END, "");
        return lexer.tokens;
    }

    /** Text up to the next tag, then that tag with what belongs to it. */
    private void dataAndTag() {
        int tag = position;
        while (tag < source.length() && !isTagStart(tag)) {
            tag++;
        }
        String text = source.substring(position, tag);
        if (tag == source.length()) {
            addData(text, text);
            position = tag;
            return;
        }
        char kind = source.charAt(tag + 1);
        char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
        addData(strippedBefore(text, sign, kind != '{'), text);
        Matcher raw = RAW_BEGIN.matcher(source).region(tag, source.length());
        if (kind == '%' && raw.lookingAt()) {
            rawBlock(raw);
            return;
        }
        position = tag + (sign == '-' || sign == '+' ? 3 : 2);
        switch (kind) {
            case '#' -> comment();
            case '{' -> expression(Type.VARIABLE_BEGIN, Type.VARIABLE_END, "}}");
            default -> expression(Type.BLOCK_BEGIN, Type.BLOCK_END, "%}");
        }
    }

    private boolean isTagStart(int at) {
        if (source.charAt(at) != '{' || at + 1 >= source.length()) {
            return false;
        }
        char next = source.charAt(at + 1);
        return next == '{' || next == '%' || next == '#';
    }

    /** What stays of the text before a tag. */
    private String strippedBefore(String text, char sign, boolean lstrip) {
        if (sign == '-') {
            return PyText.stripEnd(text);
        }
        int lineStart = text.lastIndexOf('\n') + 1;
        boolean startsLine = lineStart > 0 || lineStarting;
        if (sign != '+' && lstrip && startsLine && PyText.isBlank(text, lineStart)) {
            return text.substring(0, lineStart);
        }
        return text;
    }

    /**
     * @param original the text before stripping, whose lines count
     */
    private void addData(String text, String original) {
        if (!text.isEmpty()) {
            add(Type.DATA, text);
        }
        countLines(original);
    }

    private void comment() {
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw error("Missing end of comment tag");
        }
        char sign = end > position ? source.charAt(end - 1) : ' ';
        closeTag(end + 2, sign, true);
    }

    private void rawBlock(Matcher begin) {
        Matcher end = RAW_END.matcher(source);
        if (!end.find(begin.end())) {
            throw error("Missing end of raw directive");
        }
        int bodyStart = begin.group(2).equals("-") ? skipSpace(begin.end()) : begin.end();
        bodyStart = Math.min(bodyStart, end.start());
        position = begin.start();
        advance(bodyStart);
        lineStarting = source.charAt(bodyStart - 1) == '\n';
        String body = source.substring(bodyStart, end.start());
        char sign = end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0);
        addData(strippedBefore(body, sign, true), body);
        position = end.start();
        closeTag(end.end(), end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0), true);
    }

    /**
     * Tokens of an expression or statement up to its end tag; inside brackets the end tag is
     * brackets.
     */
    private void expression(Type begin, Type end, String endTag) {
        add(begin, endTag);
        open.clear();
        while (position < source.length()) {
            if (open.isEmpty() && closesHere(end, endTag)) {
                return;
            }
            char c = source.charAt(position);
            if (PyText.isSpace(c)) {
                advance(skipSpace(position));
            } else if (!number() && !identifier() && !string(c)) {
                operator(c);
            }
        }
        add(Type.END, "");
    }

    private boolean closesHere(Type end, String endTag) {
        char sign = source.charAt(position);
        boolean signed = sign == '-' || sign == '+' && end == Type.BLOCK_END;
        int tag = signed ? position + 1 : position;
        if (!source.startsWith(endTag, tag)) {
            return false;
        }
        add(end, endTag);
        closeTag(tag + 2, signed ? sign : ' ', end == Type.BLOCK_END);
        return true;
    }

    /** Moves past a tag that ends at {@code end}, and over the white space that goes with it. */
    private void closeTag(int end, char sign, boolean trimNewline) {
        int next = end;
        if (sign == '-') {
            next = skipSpace(end);
        } else if (sign != '+'
                && trimNewline
                && end < source.length()
                && source.charAt(end) == '\n') {
            next = end + 1;
        }
        advance(next);
        lineStarting = source.charAt(next - 1) == '\n';
    }

    private boolean number() {
        if (!isAsciiDigit(source.charAt(position))) {
            return false;
        }
        return match(FLOAT, Type.FLOAT) || match(INTEGER, Type.INTEGER);
    }

    private boolean match(Pattern pattern, Type type) {
        Matcher matcher =
                pattern.matcher(source)
                        .region(position, source.length())
                        .useTransparentBounds(true);
        if (!matcher.lookingAt()) {
            return false;
        }
        add(type, matcher.group().replace("_", ""));
        advance(matcher.end());
        return true;
    }

    private boolean identifier() {
        int end = position;
        int c = source.codePointAt(end);
        if (c != '_' && !Character.isUnicodeIdentifierStart(c)) {
            return false;
        }
        while (end < source.length() && isNamePart(source.codePointAt(end))) {
            end += Character.charCount(source.codePointAt(end));
        }
        add(Type.NAME, source.substring(position, end));
        position = end;
        return true;
    }

    private static boolean isNamePart(int c) {
        return c == '_'
                || Character.isUnicodeIdentifierPart(c) && !Character.isIdentifierIgnorable(c);
    }

    private boolean string(char quote) {
        if (quote != '\'' && quote != '"') {
            return false;
        }
        int end = position + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw error(
                    "unexpected char " + PyRepr.text(String.valueOf(quote)) + " at " + position);
        }
        try {
            add(Type.STRING, StringEscapes.resolve(source.substring(position + 1, end)));
        } catch (PyError e) {
            throw error(e.getMessage());
        }
        advance(end + 1);
        return true;
    }

    private void operator(char c) {
        Matcher matcher = OPERATOR.matcher(source).region(position, source.length());
        if (!matcher.lookingAt()) {
            throw error(
                    "unexpected char "
                            + PyRepr.text(Character.toString(source.codePointAt(position)))
                            + " at "
                            + position);
        }
        switch (c) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> closeBracket(c);
            default -> {}
        }
        add(Type.OPERATOR, matcher.group());
        position = matcher.end();
    }

    private void closeBracket(char c) {
        if (open.isEmpty()) {
            throw error("unexpected '" + c + "'");
        }
        char expected = open.pop();
        if (expected != c) {
            throw error("unexpected '" + c + "', expected '" + expected + "'");
        }
    }

    private int skipSpace(int from) {
        int end = from;
        while (end < source.length() && PyText.isSpace(source.charAt(end))) {
            end++;
        }
        return end;
    }

    private void advance(int to) {
        countLines(source.substring(position, to));
        position = to;
    }

    private void countLines(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '\n') {
                line++;
            }
        }
    }

    private static boolean isAsciiDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private void add(Type type, String text) {
        tokens.add(new Token(type, text, line));
    }

    private TemplateException error(String message) {
        return new TemplateException(TemplateException.Kind.SYNTAX, name, line, message);
    }
}
