package dev.millrace.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** {@code repr(value)}: how Python writes values inside lists and messages. */
final class PyRepr {
    private PyRepr() {}

    static String repr(Object value) {
        StringBuilder out = new StringBuilder();
        write(out, value);
        return out.toString();
    }

    /** A string in quotes, single ones where that needs no escape. */
    static String text(String text) {
        StringBuilder out = new StringBuilder(text.length() + 2);
        writeText(out, text);
        return out.toString();
    }

    private static void write(StringBuilder out, Object value) {
        PyText.checkLength(out.length());
        switch (value) {
            case null -> out.append("None");
            case Boolean b -> out.append(b ? "True" : "False");
            case Long l -> out.append(l.longValue());
            case BigInteger b -> out.append(b);
            case Double d -> out.append(number(d));
            case String s -> writeText(out, s);
            case Markup m -> {
                out.append("Markup(");
                writeText(out, m.text());
                out.append(')');
            }
            case List<?> l -> writeItems(out, "[", PyValues.list(l), "]");
            case PyTuple t -> writeItems(out, "(", t.items(), t.items().size() == 1 ? ",)" : ")");
            case Map<?, ?> m -> writeDict(out, PyValues.dict(m));
            case PyRange r -> writeRange(out, r);
            case DictView v -> writeItems(out, v.typeName() + "([", v.items(), "])");
            case Namespace n -> {
                out.append("<Namespace ");
                write(out, n.attributes());
                out.append('>');
            }
            case Undefined u -> out.append("Undefined");
            case Macro m ->
                    out.append("<Macro ")
                            .append(m.name() == null ? "anonymous" : text(m.name()))
                            .append('>');
            case LoopContext l ->
                    out.append("<LoopContext ")
                            .append(l.index())
                            .append('/')
                            .append(l.length())
                            .append('>');
            default -> out.append('<').append(PyValues.typeName(value)).append(" object>");
        }
    }

    private static void writeItems(
            StringBuilder out, String open, Iterable<Object> items, String close) {
        out.append(open);
        Iterator<Object> rest = items.iterator();
        while (rest.hasNext()) {
            write(out, rest.next());
            if (rest.hasNext()) {
                out.append(", ");
            }
        }
        out.append(close);
    }

    private static void writeDict(StringBuilder out, Map<Object, Object> map) {
        out.append('{');
        String separator = "";
        for (Map.Entry<Object, Object> entry : map.entrySet()) {
            out.append(separator);
            write(out, entry.getKey());
            out.append(": ");
            write(out, entry.getValue());
            separator = ", ";
        }
        out.append('}');
    }

    private static void writeRange(StringBuilder out, PyRange range) {
        out.append("range(").append(range.start()).append(", ").append(range.stop());
        if (range.step() != 1) {
            out.append(", ").append(range.step());
        }
        out.append(')');
    }

    private static void writeText(StringBuilder out, String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        out.append(quote);
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (c == quote) {
                        out.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        out.appendCodePoint(c);
                    } else {
                        out.append(
                                c < 0x100
                                        ? String.format("\\x%02x", c)
                                        : c < 0x10000
                                                ? String.format("\\u%04x", c)
                                                : String.format("\\U%08x", c));
                    }
                }
            }
        }
        out.append(quote);
    }

    /** {@code str.isprintable} of one character. */
    static boolean isPrintable(int c) {
        if (c == ' ') {
            return true;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR ->
                    false;
            default -> true;
        };
    }

    /** Java writes at least two digits; near the smallest numbers one is enough. */
    private static BigDecimal shortest(double value) {
        BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        BigDecimal one = digits.round(new MathContext(1));
        return one.doubleValue() == value ? one.stripTrailingZeros() : digits;
    }

    /**
     * The shortest digits that read back as the same number; an exponent from 1e16 on and below
     * 1e-4.
     */
    static String number(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal shortest = shortest(value);
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = shortest.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = shortest.unscaledValue().abs().toString();
        String mantissa =
                digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
        return (value < 0 ? "-" : "")
                + mantissa
                + "e"
                + (exponent < 0 ? "-" : "+")
                + String.format("%02d", Math.abs(exponent));
    }
}
