package dev.millrace.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How one value is written: the part after the colon in {@code str.format}, which {@code %}
 * formatting is mapped to.
 *
 * @param align one of {@code < > ^ =}, or 0 for the type's own
 * @param sign one of {@code + - } and space
 * @param alternate whether {@code #} is given
 * @param grouping {@code ,} or {@code _} between thousands, or 0
 * @param precision -1 where not given
 * @param type a letter, or 0
 */
record FormatSpec(
        String fill,
        char align,
        char sign,
        boolean alternate,
        long width,
        char grouping,
        int precision,
        char type) {

    private static final Pattern PATTERN =
            Pattern.compile(
                    "(?:(.)?([<>=^]))?([-+"
                        + " ])?(#)?(0)?(\\d{1,9})?([,_])?(?:\\.(\\d{1,4}))?([a-zA-Z%])?",
                    Pattern.DOTALL);

    static FormatSpec parse(String text) {
        Matcher m = PATTERN.matcher(text);
        if (!m.matches()) {
            throw PyError.of("Invalid format specifier");
        }
        boolean zero = m.group(5) != null;
        char align = m.group(2) != null ? m.group(2).charAt(0) : zero ? '=' : 0;
        String fill = m.group(1) != null ? m.group(1) : zero ? "0" : " ";
        return new FormatSpec(
                fill,
                align,
                first(m.group(3), '-'),
                m.group(4) != null,
                m.group(6) == null ? 0 : Long.parseLong(m.group(6)),
                first(m.group(7), '\0'),
                m.group(8) == null ? -1 : Integer.parseInt(m.group(8)),
                first(m.group(9), '\0'));
    }

    private static char first(String group, char fallback) {
        return group == null ? fallback : group.charAt(0);
    }

    String format(Object value) {
        if (PyNumbers.isNumber(value)) {
            return formatNumber(value);
        }
        if (!PyValues.isText(value)) {
            throw PyError.of(
                    "unsupported format string passed to "
                            + PyValues.typeName(value)
                            + ".__format__");
        }
        if (type != 0 && type != 's') {
            throw PyError.of("Unknown format code '" + type + "' for object of type 'str'");
        }
        String all = PyValues.str(value);
        String shown =
                precision >= 0 && precision < PyText.length(all)
                        ? PyText.substring(all, 0, precision)
                        : all;
        return PyText.pad(shown, width, fill, align == 0 ? '<' : align);
    }

    private String formatNumber(Object value) {
        boolean integer = PyNumbers.isInteger(value);
        String digits =
                switch (type) {
                    case 0 ->
                            integer
                                    ? group(PyNumbers.big(value).abs().toString(), 3)
                                    : precision >= 0
                                            ? general(value, 'g')
                                            : group(PyRepr.number(Math.abs((Double) value)), 3);
                    case 'd', 'n' -> group(whole(value).abs().toString(), 3);
                    case 'x' -> radix(value, 16, "0x");
                    case 'X' -> radix(value, 16, "0x").toUpperCase(Locale.ROOT);
                    case 'o' -> radix(value, 8, "0o");
                    case 'b' -> radix(value, 2, "0b");
                    case 'c' -> character(value);
                    case 'f', 'F' -> group(fixed(value, precision < 0 ? 6 : precision), 3);
                    case '%' ->
                            fixed(PyNumbers.real(value) * 100, precision < 0 ? 6 : precision) + "%";
                    case 'e', 'E' -> exponent(value, precision < 0 ? 6 : precision);
                    case 'g', 'G' -> general(value, type);
                    default ->
                            throw PyError.of(
                                    "Unknown format code '"
                                            + type
                                            + "' for object of type "
                                            + PyRepr.text(PyValues.typeName(value)));
                };
        boolean negative = integer ? PyNumbers.big(value).signum() < 0 : isNegative((Double) value);
        String prefix = negative ? "-" : sign == '-' ? "" : String.valueOf(sign);
        if (align == '=') {
            return prefix + PyText.pad(digits, width - prefix.length(), fill, '>');
        }
        return PyText.pad(prefix + digits, width, fill, align == 0 ? '>' : align);
    }

    static String character(Object value) {
        long code = PyNumbers.index(value);
        if (code < 0 || code > Character.MAX_CODE_POINT) {
            throw PyError.of("%c arg not in range(0x110000)");
        }
        return Character.toString((int) code);
    }

    private static boolean isNegative(double value) {
        return value < 0 || value == 0 && 1 / value < 0;
    }

    private BigInteger whole(Object value) {
        if (!PyNumbers.isInteger(value)) {
            throw PyError.of("Unknown format code '" + type + "' for object of type 'float'");
        }
        return PyNumbers.big(value);
    }

    private String radix(Object value, int radix, String prefix) {
        return (alternate ? prefix : "") + whole(value).abs().toString(radix);
    }

    private String group(String digits, int size) {
        if (grouping == 0) {
            return digits;
        }
        int point = digits.indexOf('.') < 0 ? digits.length() : digits.indexOf('.');
        StringBuilder out = new StringBuilder(digits);
        for (int i = point - size; i > 0; i -= size) {
            out.insert(i, grouping);
        }
        return out.toString();
    }

    /**
     * The magnitude with so many decimals, rounded half to even on its exact binary value, as C
     * does.
     */
    private static String fixed(Object value, int decimals) {
        if (value instanceof Double d && (d.isNaN() || d.isInfinite())) {
            return d.isNaN() ? "nan" : "inf";
        }
        return exact(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
    }

    private static BigDecimal exact(Object value) {
        return (value instanceof Double d
                        ? new BigDecimal(d)
                        : new BigDecimal(PyNumbers.big(value)))
                .abs();
    }

    private String exponent(Object value, int decimals) {
        if (value instanceof Double d && (d.isNaN() || d.isInfinite())) {
            return fixed(value, 0);
        }
        String text = String.format(Locale.ROOT, "%." + decimals + "e", exact(value));
        return type == 'E' ? text.toUpperCase(Locale.ROOT) : text;
    }

    private String general(Object value, char letter) {
        if (value instanceof Double d && (d.isNaN() || d.isInfinite())) {
            return fixed(value, 0);
        }
        int digits = precision < 0 ? 6 : Math.max(precision, 1);
        BigDecimal exact = exact(value);
        BigDecimal rounded = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
        int power = rounded.signum() == 0 ? 0 : rounded.precision() - rounded.scale() - 1;
        String text;
        if (power < -4 || power >= digits) {
            String[] parts =
                    String.format(Locale.ROOT, "%." + (digits - 1) + "e", exact).split("e");
            text = trimZeros(parts[0]) + "e" + parts[1];
        } else {
            text =
                    trimZeros(
                            rounded.setScale(
                                            Math.max(digits - 1 - power, 0), RoundingMode.HALF_EVEN)
                                    .toPlainString());
        }
        return letter == 'G' ? text.toUpperCase(Locale.ROOT) : text;
    }

    private String trimZeros(String text) {
        if (alternate || text.indexOf('.') < 0) {
            return text;
        }
        return text.replaceFirst("0+$", "").replaceFirst("\\.$", "");
    }
}
