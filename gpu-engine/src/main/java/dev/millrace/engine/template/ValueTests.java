package dev.millrace.engine.template;

import java.util.Map;

/** The tests by name: what may stand after {@code is}. */
final class ValueTests {

    private interface Test {
        boolean holds(Object value, CallArgs args);
    }

    private static final Map<String, Test> TESTS =
            Map.ofEntries(
                    Map.entry("defined", (v, args) -> !(v instanceof Undefined)),
                    Map.entry("undefined", (v, args) -> v instanceof Undefined),
                    Map.entry("none", (v, args) -> v == null),
                    Map.entry("boolean", (v, args) -> v instanceof Boolean),
                    Map.entry("true", (v, args) -> Boolean.TRUE.equals(v)),
                    Map.entry("false", (v, args) -> Boolean.FALSE.equals(v)),
                    Map.entry(
                            "integer",
                            (v, args) -> PyNumbers.isInteger(v) && !(v instanceof Boolean)),
                    Map.entry("float", (v, args) -> v instanceof Double),
                    Map.entry("number", (v, args) -> PyNumbers.isNumber(v)),
                    Map.entry("string", (v, args) -> PyValues.isText(v)),
                    Map.entry("mapping", (v, args) -> v instanceof Map),
                    Map.entry("sequence", (v, args) -> isSequence(v)),
                    Map.entry("iterable", (v, args) -> PyValues.isIterable(v)),
                    Map.entry(
                            "callable",
                            (v, args) -> v instanceof PyCallable || v instanceof Undefined),
                    Map.entry("escaped", (v, args) -> v instanceof Markup),
                    Map.entry("odd", (v, args) -> PyValues.equal(Operators.apply("%", v, 2L), 1L)),
                    Map.entry("even", (v, args) -> PyValues.equal(Operators.apply("%", v, 2L), 0L)),
                    Map.entry(
                            "divisibleby",
                            (v, args) ->
                                    PyValues.equal(
                                            Operators.apply(
                                                    "%",
                                                    v,
                                                    args.check("divisibleby", 1, "num")
                                                            .get(0, "num", null)),
                                            0L)),
                    Map.entry("lower", (v, args) -> StringMethods.isCase(PyValues.str(v), false)),
                    Map.entry("upper", (v, args) -> StringMethods.isCase(PyValues.str(v), true)),
                    Map.entry("sameas", (v, args) -> PyValues.same(v, other(args))),
                    Map.entry("in", (v, args) -> PyValues.contains(other(args), v)),
                    Map.entry("filter", (v, args) -> Filters.exists(PyValues.str(v))),
                    Map.entry("test", (v, args) -> exists(PyValues.str(v))),
                    comparison("eq", "=="),
                    comparison("equalto", "=="),
                    comparison("==", "=="),
                    comparison("ne", "!="),
                    comparison("!=", "!="),
                    comparison("lt", "<"),
                    comparison("lessthan", "<"),
                    comparison("<", "<"),
                    comparison("le", "<="),
                    comparison("<=", "<="),
                    comparison("gt", ">"),
                    comparison("greaterthan", ">"),
                    comparison(">", ">"),
                    comparison("ge", ">="),
                    comparison(">=", ">="));

    private ValueTests() {}

    private static Map.Entry<String, Test> comparison(String name, String operator) {
        return Map.entry(name, (v, args) -> Evaluator.compares(operator, v, other(args)));
    }

    private static Object other(CallArgs args) {
        return args.check("test", 1, "other").get(0, "other", null);
    }

    private static boolean isSequence(Object value) {
        return value instanceof Undefined
                || PyValues.isIterable(value)
                        && !(value instanceof PyIterator)
                        && !(value instanceof DictView);
    }

    static boolean exists(String name) {
        return TESTS.containsKey(name);
    }

    static boolean apply(String name, Object value, CallArgs args) {
        Test test = TESTS.get(name);
        if (test == null) {
            throw PyError.of("No test named " + PyRepr.text(name) + ".");
        }
        return test.holds(value, args);
    }
}
