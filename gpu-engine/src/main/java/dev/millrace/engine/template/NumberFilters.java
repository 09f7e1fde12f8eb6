package dev.millrace.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** Filters on numbers, and from text to numbers. */
final class NumberFilters {
    private static final Pattern FLOAT =
            Pattern.compile(
                    "[+-]?(\\d+(_\\d+)*\\.?(\\d+(_\\d+)*)?|\\.\\d+(_\\d+)*)([eE][+-]?\\d+(_\\d+)*)?");

    static final Map<String, Filters.Filter> TABLE =
            Map.of(
                    "abs", (in, v, args) -> absolute(v),
                    "round",
                            (in, v, args) ->
                                    round(v, args.check("round", 0, "precision", "method")),
                    "int", (in, v, args) -> toInt(v, args.check("int", 0, "default", "base")),
                    "float",
                            (in, v, args) ->
                                    toFloat(
                                            v,
                                            args.check("float", 0, "default")
                                                    .get(0, "default", 0.0)),
                    "sum", (in, v, args) -> sum(v, args.check("sum", 0, "attribute", "start")),
                    "filesizeformat",
                            (in, v, args) ->
                                    fileSize(
                                            v,
                                            args.check("filesizeformat", 0, "binary")
                                                    .flag(0, "binary", false)));

    private NumberFilters() {}

    private static Object absolute(Object value) {
        if (!PyNumbers.isNumber(value)) {
            throw PyError.of(
                    "bad operand type for abs(): " + PyRepr.text(PyValues.typeName(value)));
        }
        return PyNumbers.absolute(value);
    }

    private static Object round(Object value, CallArgs args) {
        long precision = args.integer(0, "precision", 0);
        String method = args.text(1, "method", "common");
        if (value instanceof Undefined u) {
            throw u.error();
        }
        if (!PyNumbers.isNumber(value)) {
            throw PyError.of(
                    "type " + PyValues.typeName(value) + " doesn't define __round__ method");
        }
        return switch (method) {
            case "common" -> roundHalfEven(value, precision);
            case "ceil", "floor" -> {
                double scale = Math.pow(10, precision);
                double scaled = PyNumbers.real(value) * scale;
                yield (method.equals("ceil") ? Math.ceil(scaled) : Math.floor(scaled)) / scale;
            }
            default -> throw PyError.of("method must be common, ceil or floor");
        };
    }

    /** Rounds the exact value, halves to even; an int stays one. */
    private static Object roundHalfEven(Object value, long precision) {
        int digits = (int) Math.max(-400, Math.min(400, precision));
        if (PyNumbers.isInteger(value)) {
            BigDecimal exact = new BigDecimal(PyNumbers.big(value));
            return PyNumbers.integer(
                    digits >= 0
                            ? exact.toBigInteger()
                            : exact.setScale(digits, RoundingMode.HALF_EVEN).toBigInteger());
        }
        double number = (Double) value;
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return number;
        }
        double rounded =
                new BigDecimal(number).setScale(digits, RoundingMode.HALF_EVEN).doubleValue();
        return Math.copySign(rounded, number);
    }

    private static Object toInt(Object value, CallArgs args) {
        Object fallback = args.get(0, "default", 0L);
        if (value instanceof Undefined u) {
            throw u.error();
        }
        if (PyNumbers.isInteger(value)) {
            return PyNumbers.integer(PyNumbers.big(value));
        }
        if (PyValues.isText(value)) {
            Object parsed =
                    parseInt(
                            PyText.strip(PyValues.text(value), null, true, true),
                            (int) args.integer(1, "base", 10));
            if (parsed != null) {
                return parsed;
            }
        }
        Double number =
                value instanceof Double d
                        ? d
                        : PyValues.isText(value) ? parseFloat(PyValues.text(value)) : null;
        boolean whole = number != null && !number.isNaN() && !number.isInfinite();
        return whole ? PyNumbers.integer(new BigDecimal(number).toBigInteger()) : fallback;
    }

    private static Object parseInt(String text, int base) {
        String digits = text.startsWith("+") || text.startsWith("-") ? text.substring(1) : text;
        String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
        if (!prefix.isEmpty() && digits.toLowerCase(Locale.ROOT).startsWith(prefix)) {
            digits = digits.substring(2);
        }
        if (base < 2 || base > 36 || !digits.matches("(?U)[\\p{Alnum}]+(_[\\p{Alnum}]+)*")) {
            return null;
        }
        try {
            BigInteger number = new BigInteger(digits.replace("_", ""), base);
            return PyNumbers.integer(text.startsWith("-") ? number.negate() : number);
        } catch (NumberFormatException e) {
            return null; // a digit that the base does not have
        }
    }

    private static Object toFloat(Object value, Object fallback) {
        if (value instanceof Undefined u) {
            throw u.error();
        }
        if (PyNumbers.isNumber(value)) {
            return PyNumbers.real(value);
        }
        Double number = PyValues.isText(value) ? parseFloat(PyValues.text(value)) : null;
        return number == null ? fallback : number;
    }

    private static Double parseFloat(String text) {
        String trimmed = PyText.strip(text, null, true, true);
        if (FLOAT.matcher(trimmed).matches()) {
            return Double.valueOf(trimmed.replace("_", ""));
        }
        boolean negative = trimmed.startsWith("-");
        String word = trimmed.toLowerCase(Locale.ROOT).replaceFirst("^[+-]", "");
        return switch (word) {
            case "inf", "infinity" ->
                    negative ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
            case "nan" -> Double.NaN;
            default -> null;
        };
    }

    private static Object sum(Object value, CallArgs args) {
        Object attribute = args.get(0, "attribute", null);
        AttributePath path = AttributePath.of(attribute);
        Object total = args.get(1, "start", 0L);
        for (Object item : PyValues.items(value)) {
            total = Operators.apply("+", total, path.get(item));
        }
        return total;
    }

    private static String fileSize(Object value, boolean binary) {
        double bytes =
                PyNumbers.isNumber(value)
                        ? PyNumbers.real(value)
                        : (Double) toFloat(value, Double.NaN);
        double base = binary ? 1024 : 1000;
        if (bytes == 1) {
            return "1 Byte";
        }
        if (bytes < base) {
            return (long) bytes + " Bytes";
        }
        String units = "kMGTPEZY";
        int power = 1;
        while (power < units.length() && bytes >= Math.pow(base, power + 1)) {
            power++;
        }
        String letter = units.substring(power - 1, power);
        String unit = binary ? letter.toUpperCase(Locale.ROOT) + "iB" : letter + "B";
        return String.format(Locale.ROOT, "%.1f %s", bytes / Math.pow(base, power), unit);
    }
}
