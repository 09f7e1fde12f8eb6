package dev.millrace.engine.structured;

/**
 * The lexical parts of JSON (RFC 8259) as expressions. Where JSON sets no bound, one is set here, so
 * that a model cannot go on for ever in blanks or digits: blanks between tokens are nothing, one
 * space, or a line break with at most {@link #INDENT_MAX} spaces; numbers have at most {@link
 * #DIGITS_MAX} digits before and {@link #FRACTION_MAX} behind the point and two in the exponent.
 */
final class JsonText {
    static final String ANY_VALUE = "any value";
    static final int INDENT_MAX = 16;
    static final int DIGITS_MAX = 15;
    static final int FRACTION_MAX = 15;

    /** Characters that a string cannot hold as they are. */
    static final CodePoints ESCAPED = CodePoints.of(0, 0x1F, '"', '"', '\\', '\\');

    final Nodes nodes;

    /** Blanks at a place where a line may break. */
    final Node gap;

    /** Blanks behind a colon. */
    final Node space;

    final Node integer;
    final Node number;

    /** One character of a string, in any of its forms. */
    final Node character;

    /** Any string. */
    final Node string;

    /** Any object; any value. */
    final Node object;

    final Node value;

    JsonText(Nodes nodes) {
        this.nodes = nodes;
        Node blank = literal(' ');
        space = nodes.optional(blank);
        gap =
                nodes.choice(
                        nodes.empty,
                        blank,
                        nodes.sequence(literal('\n'), nodes.repeat(blank, 0, INDENT_MAX)));
        Node digit = range('0', '9');
        Node whole =
                nodes.choice(
                        literal('0'),
                        nodes.sequence(range('1', '9'), nodes.repeat(digit, 0, DIGITS_MAX - 1)));
        Node signed = nodes.sequence(nodes.optional(literal('-')), whole);
        integer = nodes.unit(signed);
        Node fraction = nodes.sequence(literal('.'), nodes.repeat(digit, 1, FRACTION_MAX));
        Node exponent =
                nodes.sequence(
                        nodes.choice(literal('e'), literal('E')),
                        nodes.optional(nodes.choice(literal('+'), literal('-'))),
                        nodes.repeat(digit, 1, 2));
        number =
                nodes.unit(
                        nodes.sequence(signed, nodes.optional(fraction), nodes.optional(exponent)));
        character = anyCharacter(digit);
        string = quoted(nodes.repeat(character, 0, Node.UNBOUNDED));
        Rule anyValue = new Rule(ANY_VALUE);
        value = nodes.rule(anyValue);
        object =
                braces(
                        '{',
                        nodes.sequence(string, literal(':'), space, value),
                        0,
                        Node.UNBOUNDED);
        anyValue.define(
                nodes.choice(
                        object,
                        braces('[', value, 0, Node.UNBOUNDED),
                        string,
                        number,
                        nodes.text("true"),
                        nodes.text("false"),
                        nodes.text("null")));
    }

    /** A string with the given inside. */
    Node quoted(Node inside) {
        return nodes.unit(nodes.sequence(literal('"'), inside, literal('"')));
    }

    /**
     * An array or an object of {@code min} to {@code max} items.
     *
     * @param open the bracket that opens it, [ or {
     */
    Node braces(char open, Node item, int min, int max) {
        char close = open == '[' ? ']' : '}';
        Node bare = nodes.sequence(literal(open), literal(close));
        if (max == 0) {
            return bare;
        }
        Node more = nodes.sequence(literal(','), gap, item);
        Node filled =
                nodes.sequence(
                        literal(open),
                        gap,
                        item,
                        nodes.repeat(
                                more,
                                Math.max(0, min - 1),
                                max == Node.UNBOUNDED ? max : max - 1),
                        gap,
                        literal(close));
        return min == 0 ? nodes.choice(bare, filled) : filled;
    }

    Node literal(char c) {
        return range(c, c);
    }

    /** One byte of a range of ASCII. */
    Node range(char first, char last) {
        return nodes.bytes(ByteSet.range(first, last));
    }

    private Node anyCharacter(Node digit) {
        Node hex = nodes.choice(digit, range('a', 'f'), range('A', 'F'));
        Node low = range('0', '7');
        Node d = nodes.choice(literal('d'), literal('D'));
        Node noSurrogate =
                nodes.choice(
                        nodes.sequence(
                                nodes.choice(
                                        digit,
                                        range('a', 'c'),
                                        range('A', 'C'),
                                        range('e', 'f'),
                                        range('E', 'F')),
                                hex,
                                hex,
                                hex),
                        nodes.sequence(d, low, hex, hex));
        Node pair =
                nodes.sequence(
                        d,
                        nodes.choice(range('8', '9'), range('a', 'b'), range('A', 'B')),
                        hex,
                        hex,
                        nodes.text("\\u"),
                        d,
                        nodes.choice(range('c', 'f'), range('C', 'F')),
                        hex,
                        hex);
        Node simple = nodes.bytes(
                        ByteSet.of('"')
                                .or(ByteSet.of('\\'))
                                .or(ByteSet.of('/'))
                                .or(ByteSet.of('b'))
                                .or(ByteSet.of('f'))
                                .or(ByteSet.of('n'))
                                .or(ByteSet.of('r'))
                                .or(ByteSet.of('t')));
        Node unicode = nodes.sequence(literal('u'), nodes.choice(noSurrogate, pair));
        Node escape = nodes.sequence(literal('\\'), nodes.choice(simple, unicode));
        return nodes.choice(Utf8.node(nodes, CodePoints.ALL.minus(ESCAPED)), escape);
    }

    /** The shortest escape of a character of {@link #ESCAPED}. */
    static String escape(int c) {
        return switch (c) {
            case '"' -> "\\\"";
            case '\\' -> "\\\\";
            case '\b' -> "\\b";
            case '\f' -> "\\f";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> "\\u%04x".formatted(c);
        };
    }
}
