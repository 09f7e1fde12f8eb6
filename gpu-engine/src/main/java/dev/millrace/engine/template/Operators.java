package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.List;

/**
 * The binary operators on all kinds of values, with Python's words where a pair of types does not
 * go together.
 */
final class Operators {
    private Operators() {}

    static Object apply(String operator, Object a, Object b) {
        if (a instanceof Undefined u) {
            throw u.error();
        }
        if (b instanceof Undefined u && !(operator.equals("%") && PyValues.isText(a))) {
            throw u.error();
        }
        if (PyNumbers.isNumber(a) && PyNumbers.isNumber(b)) {
            return arithmetic(operator, a, b);
        }
        return switch (operator) {
            case "+" -> add(a, b);
            case "*" -> multiply(a, b);
            case "%" -> {
                if (!PyValues.isText(a)) {
                    throw unsupported(operator, a, b);
                }
                yield a instanceof Markup text
                        ? PrintfFormat.format(text, b)
                        : PrintfFormat.format((String) a, b);
            }
            default -> throw unsupported(operator.equals("**") ? "** or pow()" : operator, a, b);
        };
    }

    private static Object arithmetic(String operator, Object a, Object b) {
        return switch (operator) {
            case "+" -> PyNumbers.add(a, b);
            case "-" -> PyNumbers.subtract(a, b);
            case "*" -> PyNumbers.multiply(a, b);
            case "/" -> PyNumbers.divide(a, b);
            case "//" -> PyNumbers.floorDivide(a, b);
            case "%" -> PyNumbers.modulo(a, b);
            case "**" -> PyNumbers.power(a, b);
            default -> throw new IllegalArgumentException("no operator: " + operator);
        };
    }

    private static Object add(Object a, Object b) {
        if (PyValues.isText(a) && PyValues.isText(b)) {
            if (a instanceof Markup || b instanceof Markup) {
                return new Markup(concat(Markup.escape(a).text(), Markup.escape(b).text()));
            }
            return concat((String) a, (String) b);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            return concat(PyValues.list(x), PyValues.list(y));
        }
        if (a instanceof PyTuple x && b instanceof PyTuple y) {
            return new PyTuple(concat(x.items(), y.items()));
        }
        if (PyValues.isText(a) || a instanceof List || a instanceof PyTuple) {
            String type = PyValues.isText(a) ? "str" : PyValues.typeName(a);
            throw PyError.of(
                    "can only concatenate "
                            + type
                            + " (not \""
                            + PyValues.typeName(b)
                            + "\") to "
                            + type);
        }
        throw unsupported("+", a, b);
    }

    private static String concat(String a, String b) {
        PyText.checkLength((long) a.length() + b.length());
        return a.concat(b);
    }

    private static List<Object> concat(List<Object> a, List<Object> b) {
        checkItems((long) a.size() + b.size());
        List<Object> both = new ArrayList<>(a.size() + b.size());
        both.addAll(a);
        both.addAll(b);
        return both;
    }

    private static Object multiply(Object a, Object b) {
        Object sequence = isRepeatable(a) ? a : b;
        Object times = sequence == a ? b : a;
        if (!isRepeatable(sequence)) {
            throw unsupported("*", a, b);
        }
        if (!PyNumbers.isInteger(times)) {
            throw PyError.of(
                    "can't multiply sequence by non-int of type "
                            + PyRepr.text(PyValues.typeName(times)));
        }
        long count = PyNumbers.index(times);
        return switch (sequence) {
            case String s -> PyText.repeat(s, count);
            case Markup m -> new Markup(PyText.repeat(m.text(), count));
            case PyTuple t -> new PyTuple(repeat(t.items(), count));
            default -> repeat(PyValues.list(sequence), count);
        };
    }

    private static void checkItems(long size) {
        if (size > RenderBudget.MAX_ITEMS) {
            throw PyError.limit("a list grows beyond " + RenderBudget.MAX_ITEMS + " items");
        }
    }

    private static boolean isRepeatable(Object value) {
        return PyValues.isText(value) || value instanceof List || value instanceof PyTuple;
    }

    private static List<Object> repeat(List<Object> items, long count) {
        List<Object> all = new ArrayList<>();
        for (long i = 0; i < count && !items.isEmpty(); i++) {
            checkItems((long) all.size() + items.size());
            all.addAll(items);
        }
        return all;
    }

    private static PyError unsupported(String operator, Object a, Object b) {
        return PyError.of(
                "unsupported operand type(s) for "
                        + operator
                        + ": "
                        + PyRepr.text(PyValues.typeName(a))
                        + " and "
                        + PyRepr.text(PyValues.typeName(b)));
    }
}
