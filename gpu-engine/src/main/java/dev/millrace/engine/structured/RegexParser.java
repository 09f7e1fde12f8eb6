package dev.millrace.engine.structured;

import java.util.ArrayList;
import java.util.List;

/**
 * Regular expressions as ECMA 262 writes them, as far as they are regular: literals, {@code .},
 * classes, {@code \d \w \s} and their complements, groups, alternation and counted repeats. {@code
 * \w} and {@code \d} are ASCII. Look-around, references, word boundaries, Unicode properties and
 * anchors inside an expression are refused by name and place. {@code \s} is ASCII alone and {@code
 * \S} is what is blank in no dialect; {@code .} leaves out every line end of any dialect: so that
 * texts made here match whichever engine checks them.
 */
final class RegexParser {
    private static final int REPEAT_MAX = 10_000;
    private static final int DEPTH_MAX = 100;
    private static final CodePoints DIGIT = CodePoints.of('0', '9');
    private static final CodePoints WORD = CodePoints.of('0', '9', 'A', 'Z', 'a', 'z', '_', '_');
    private static final CodePoints BLANK = CodePoints.of('\t', '\r', ' ', ' ');
    private static final CodePoints ANY_BLANK =
            CodePoints.of(
                    '\t', '\r', ' ', ' ', 0x1C, 0x1F, 0x85, 0x85, 0xA0, 0xA0, 0x1680, 0x1680,
                    0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000,
                    0xFEFF, 0xFEFF);
    private static final CodePoints DOT =
            CodePoints.ALL.minus(
                    CodePoints.of('\n', '\n', '\r', '\r', 0x85, 0x85, 0x2028, 0x2029));

    private final Nodes nodes;
    private final Characters characters;
    private final boolean isSearch;
    private final int[] text;
    private int at;
    private int depth;

    private RegexParser(Nodes nodes, Characters characters, String regex, boolean isSearch) {
        this.nodes = nodes;
        this.characters = characters;
        this.isSearch = isSearch;
        text = regex.codePoints().toArray();
    }

    /** The texts that match as a whole. */
    static Node whole(Nodes nodes, Characters characters, String regex) {
        return new RegexParser(nodes, characters, regex, false).parse();
    }

    /** The texts in which a part matches, as JSON Schema's {@code pattern} has it. */
    static Node within(Nodes nodes, Characters characters, String regex) {
        return new RegexParser(nodes, characters, regex, true).parse();
    }

    private Node parse() {
        Node node = alternatives(true);
        if (at < text.length) {
            throw error("an unmatched ')'", at);
        }
        return node;
    }

    private Node alternatives(boolean isOutermost) {
        if (++depth > DEPTH_MAX) {
            throw error("groups nested deeper than " + DEPTH_MAX, at);
        }
        List<Node> options = new ArrayList<>();
        do {
            options.add(isOutermost ? anchored() : terms());
        } while (accept('|'));
        depth--;
        return nodes.choice(options);
    }

    /** One alternative of the whole expression, which may begin with ^ and end with $. */
    private Node anchored() {
        boolean fromStart = accept('^');
        Node inside = terms();
        boolean toEnd = accept('$');
        if (toEnd && at < text.length && text[at] != '|') {
            throw error("an anchor inside the expression ('$')", at - 1);
        }
        Node any =
                isSearch
                        ? nodes.repeat(characters.one(CodePoints.ALL), 0, Node.UNBOUNDED)
                        : nodes.empty;
        return nodes.sequence(fromStart ? nodes.empty : any, inside, toEnd ? nodes.empty : any);
    }

    private Node terms() {
        List<Node> terms = new ArrayList<>();
        while (at < text.length && text[at] != '|' && text[at] != ')' && text[at] != '$') {
            terms.add(repeated(atom()));
        }
        if (at < text.length && text[at] == '$' && depth > 1) {
            throw error("an anchor inside the expression ('$')", at);
        }
        return nodes.sequence(terms.toArray(Node[]::new));
    }

    private Node repeated(Node item) {
        if (at == text.length) {
            return item;
        }
        int start = at;
        Node node =
                switch (text[at]) {
                    case '*' -> repeat(item, 0, Node.UNBOUNDED);
                    case '+' -> repeat(item, 1, Node.UNBOUNDED);
                    case '?' -> repeat(item, 0, 1);
                    case '{' -> counted(item);
                    default -> null;
                };
        if (node == null) {
            return item;
        }
        // A lazy repeat has the same texts.
        if (!accept('?') && at < text.length && text[at] == '+') {
            throw error("a possessive repeat", start);
        }
        if (at < text.length && "*+?{".indexOf(text[at]) >= 0) {
            throw error("a repeat of a repeat", at);
        }
        return node;
    }

    private Node repeat(Node item, int min, int max) {
        at++;
        return nodes.repeat(item, min, max);
    }

    private Node counted(Node item) {
        int start = at++;
        int min = count(start);
        int max = min;
        if (accept(',')) {
            max = at < text.length && text[at] == '}' ? Node.UNBOUNDED : count(start);
        }
        if (!accept('}') || max < min) {
            throw error("a repeat that is not {n}, {n,} or {n,m}", start);
        }
        return nodes.repeat(item, min, max);
    }

    private int count(int start) {
        int value = 0;
        int digits = at;
        while (at < text.length && text[at] >= '0' && text[at] <= '9') {
            value = Math.min(REPEAT_MAX + 1, 10 * value + text[at++] - '0');
        }
        if (at == digits) {
            throw error("a repeat that is not {n}, {n,} or {n,m}", start);
        }
        if (value > REPEAT_MAX) {
            throw error("a repeat above " + REPEAT_MAX, start);
        }
        return value;
    }

    private Node atom() {
        int start = at;
        int c = text[at++];
        return switch (c) {
            case '.' -> characters.one(DOT);
            case '(' -> group(start);
            case '[' -> characters.one(characterClass(start));
            case '\\' -> characters.one(escape(start, false));
            case '^' -> throw error("an anchor inside the expression ('^')", start);
            case '*', '+', '?', '{' -> throw error("a repeat of nothing", start);
            default -> characters.one(CodePoints.of(c, c));
        };
    }

    private Node group(int start) {
        if (accept('?') && !accept(':')) {
            if (at < text.length && text[at] == '<' && at + 1 < text.length
                    && text[at + 1] != '=' && text[at + 1] != '!') {
                while (at < text.length && text[at] != '>') {
                    at++;
                }
                at++;
            } else {
                throw error("a look-around or a group with flags", start);
            }
        }
        Node inside = alternatives(false);
        if (!accept(')')) {
            throw error("a '(' without its ')'", start);
        }
        return inside;
    }

    private CodePoints characterClass(int start) {
        boolean isComplement = accept('^');
        CodePoints set = CodePoints.of();
        while (!accept(']')) {
            if (at == text.length) {
                throw error("a '[' without its ']'", start);
            }
            set = set.or(classItem(start));
        }
        set = isComplement ? set.complement() : set;
        if (set.isEmpty()) {
            throw error("a class that matches nothing", start);
        }
        return set;
    }

    private CodePoints classItem(int start) {
        int from = at;
        if (text[at] == '[' || text[at] == '&' && at + 1 < text.length && text[at + 1] == '&') {
            throw error("'" + Character.toString(text[at]) + "' unescaped in a class", at);
        }
        CodePoints low = classCharacter();
        boolean isRange = at + 1 < text.length && text[at] == '-' && text[at + 1] != ']';
        if (!isRange) {
            return low;
        }
        at++;
        CodePoints high = classCharacter();
        if (!isSingle(low) || !isSingle(high) || low.bounds()[0] > high.bounds()[0]) {
            throw error("a range of a class that has no order", from);
        }
        return CodePoints.of(low.bounds()[0], high.bounds()[0]);
    }

    private CodePoints classCharacter() {
        int start = at;
        int c = text[at++];
        return c == '\\' ? escape(start, true) : CodePoints.of(c, c);
    }

    private static boolean isSingle(CodePoints set) {
        return set.bounds().length == 2 && set.bounds()[0] == set.bounds()[1];
    }

    private CodePoints escape(int start, boolean inClass) {
        if (at == text.length) {
            throw error("a '\\' at the end", start);
        }
        int c = text[at++];
        return switch (c) {
            case 'd' -> DIGIT;
            case 'D' -> DIGIT.complement();
            case 'w' -> WORD;
            case 'W' -> WORD.complement();
            case 's' -> BLANK;
            case 'S' -> ANY_BLANK.complement();
            case 'n' -> CodePoints.of('\n', '\n');
            case 'r' -> CodePoints.of('\r', '\r');
            case 't' -> CodePoints.of('\t', '\t');
            case 'f' -> CodePoints.of('\f', '\f');
            case 'v' -> CodePoints.of(0x0B, 0x0B);
            case 'x' -> hex(start, 2);
            case 'u' -> hex(start, 4);
            default -> {
                boolean isLetter = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
                if (isLetter || c >= '0' && c <= '9') {
                    String name = "'\\" + Character.toString(c) + "'";
                    throw error(name + (inClass ? " in a class" : ""), start);
                }
                yield CodePoints.of(c, c);
            }
        };
    }

    private CodePoints hex(int start, int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = at < text.length ? Character.digit(text[at++], 16) : -1;
            if (digit < 0) {
                throw error("an escape with too few hexadecimal digits", start);
            }
            value = 16 * value + digit;
        }
        if (value >= Character.MIN_SURROGATE && value <= Character.MAX_SURROGATE) {
            throw error("half a surrogate pair", start);
        }
        return CodePoints.of(value, value);
    }

    private boolean accept(int c) {
        if (at < text.length && text[at] == c) {
            at++;
            return true;
        }
        return false;
    }

    private static ConstraintException error(String what, int position) {
        return new ConstraintException(
                "", "has " + what + " at character " + (position + 1) + ", which is not supported");
    }
}
