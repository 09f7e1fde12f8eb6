package dev.millrace.engine.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Computes expressions for an {@link Interpreter}, and keeps it told of the line at work. */
final class Evaluator {
    private final Interpreter interpreter;

    Evaluator(Interpreter interpreter) {
        this.interpreter = interpreter;
    }

    Object evaluate(Expr expression) {
        return switch (expression) {
            case Expr.Constant constant -> constant.value();
            case Expr.Name name -> resolve(name.name());
            case Expr.ListOf list -> all(list.items());
            case Expr.TupleOf tuple -> new PyTuple(all(tuple.items()));
            case Expr.DictOf dict -> dict(dict);
            case Expr.Attribute attribute -> {
                Object object = evaluate(attribute.object());
                at(attribute);
                yield Members.attribute(object, attribute.name());
            }
            case Expr.Item item -> {
                Object object = evaluate(item.object());
                Object key = evaluate(item.key());
                at(item);
                yield Members.item(object, key);
            }
            case Expr.Slice slice -> slice(slice);
            case Expr.Call call -> call(call, null);
            case Expr.Filtered filtered -> filter(filtered, evaluate(filtered.target()));
            case Expr.Tested tested -> test(tested);
            case Expr.Sign sign -> sign(sign);
            case Expr.Not not -> !PyValues.truthy(evaluate(not.operand()));
            case Expr.And and -> {
                Object left = evaluate(and.left());
                yield PyValues.truthy(left) ? evaluate(and.right()) : left;
            }
            case Expr.Or or -> {
                Object left = evaluate(or.left());
                yield PyValues.truthy(left) ? left : evaluate(or.right());
            }
            case Expr.Binary binary -> {
                Object left = evaluate(binary.left());
                Object right = evaluate(binary.right());
                at(binary);
                yield Operators.apply(binary.operator(), left, right);
            }
            case Expr.Compare compare -> compare(compare);
            case Expr.Concat concat -> concat(concat);
            case Expr.Conditional conditional -> conditional(conditional);
        };
    }

    /** Notes the line of what is about to be done. */
    private void at(Expr expression) {
        interpreter.line(expression.line());
    }

    /** A variable, a global function, or undefined. */
    Object resolve(String name) {
        Object value = interpreter.scope().find(name);
        if (value != PyValues.ABSENT) {
            return value;
        }
        PyCallable global = Globals.find(name);
        return global == null ? Undefined.name(name) : global;
    }

    private List<Object> all(List<Expr> expressions) {
        List<Object> values = new ArrayList<>(expressions.size());
        for (Expr expression : expressions) {
            values.add(evaluate(expression));
        }
        return values;
    }

    private Object dict(Expr.DictOf dict) {
        Map<Object, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < dict.keys().size(); i++) {
            Object key = evaluate(dict.keys().get(i));
            Object value = evaluate(dict.values().get(i));
            at(dict);
            PyValues.put(map, key, value);
        }
        return map;
    }

    private Object slice(Expr.Slice slice) {
        Object object = evaluate(slice.object());
        Object start = slice.start() == null ? null : evaluate(slice.start());
        Object stop = slice.stop() == null ? null : evaluate(slice.stop());
        Object step = slice.step() == null ? null : evaluate(slice.step());
        at(slice);
        return Members.slice(object, start, stop, step);
    }

    /**
     * @param caller the body of a call block, or null
     */
    Object call(Expr.Call call, Macro caller) {
        Object callee = evaluate(call.callee());
        CallArgs args = arguments(call.arguments());
        if (caller != null) {
            Map<String, Object> named = new LinkedHashMap<>(args.named());
            named.put("caller", caller);
            args = new CallArgs(args.positional(), named);
        }
        at(call);
        return switch (callee) {
            case PyCallable callable -> callable.call(interpreter, args);
            case Undefined undefined -> throw undefined.error();
            case null, default ->
                    throw PyError.of(
                            PyRepr.text(PyValues.typeName(callee)) + " object is not callable");
        };
    }

    private CallArgs arguments(Expr.Arguments arguments) {
        if (arguments == Expr.Arguments.NONE) {
            return CallArgs.NONE;
        }
        List<Object> positional = all(arguments.positional());
        Map<String, Object> named = new LinkedHashMap<>();
        for (int i = 0; i < arguments.names().size(); i++) {
            if (named.put(arguments.names().get(i), evaluate(arguments.values().get(i))) != null) {
                throw PyError.of("keyword argument repeated: " + arguments.names().get(i));
            }
        }
        if (arguments.morePositional() != null) {
            positional.addAll(PyValues.items(evaluate(arguments.morePositional())));
        }
        if (arguments.moreNamed() != null) {
            Object more = evaluate(arguments.moreNamed());
            if (!(more instanceof Map<?, ?> map)) {
                throw PyError.of(
                        "argument after ** must be a mapping, not " + PyValues.typeName(more));
            }
            PyValues.dict(map).forEach((key, value) -> named.put(PyValues.text(key), value));
        }
        return new CallArgs(positional, named);
    }

    private Object filter(Expr.Filtered filtered, Object value) {
        CallArgs args = arguments(filtered.arguments());
        at(filtered);
        if (!Filters.exists(filtered.name())) {
            throw PyError.of("No filter named " + PyRepr.text(filtered.name()) + " found.");
        }
        return Filters.apply(interpreter, filtered.name(), value, args);
    }

    /** Puts a block's text through a chain of filters, whose innermost has no target of its own. */
    Object filterText(Expr.Filtered filtered, String text) {
        Object value =
                filtered.target() == null
                        ? text
                        : filterText((Expr.Filtered) filtered.target(), text);
        return filter(filtered, value);
    }

    private Object test(Expr.Tested tested) {
        Object value = evaluate(tested.target());
        CallArgs args = arguments(tested.arguments());
        at(tested);
        if (!ValueTests.exists(tested.name())) {
            throw PyError.of("No test named " + PyRepr.text(tested.name()) + " found.");
        }
        return ValueTests.apply(tested.name(), value, args);
    }

    private Object sign(Expr.Sign sign) {
        Object value = evaluate(sign.operand());
        at(sign);
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (!PyNumbers.isNumber(value)) {
            throw PyError.of(
                    "bad operand type for unary "
                            + sign.operator()
                            + ": "
                            + PyRepr.text(PyValues.typeName(value)));
        }
        return sign.operator().equals("-") ? PyNumbers.negate(value) : PyNumbers.add(value, 0L);
    }

    private Object compare(Expr.Compare compare) {
        Object left = evaluate(compare.first());
        for (int i = 0; i < compare.operators().size(); i++) {
            Object right = evaluate(compare.operands().get(i));
            at(compare);
            if (!compares(compare.operators().get(i), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    static boolean compares(String operator, Object left, Object right) {
        return switch (operator) {
            case "==" -> PyValues.equal(left, right);
            case "!=" -> !PyValues.equal(left, right);
            case "<" -> PyValues.less(left, right, "<");
            case ">" -> PyValues.less(right, left, ">");
            case "<=" -> PyValues.less(left, right, "<=") || PyValues.equal(left, right);
            case ">=" -> PyValues.less(right, left, ">=") || PyValues.equal(left, right);
            case "in" -> PyValues.contains(right, left);
            case "not in" -> !PyValues.contains(right, left);
            default -> throw new IllegalArgumentException("no comparison: " + operator);
        };
    }

    private Object concat(Expr.Concat concat) {
        StringBuilder text = new StringBuilder();
        for (Expr part : concat.parts()) {
            String piece = PyValues.str(evaluate(part));
            PyText.checkLength((long) text.length() + piece.length());
            text.append(piece);
        }
        return text.toString();
    }

    private Object conditional(Expr.Conditional conditional) {
        if (PyValues.truthy(evaluate(conditional.test()))) {
            return evaluate(conditional.then());
        }
        if (conditional.otherwise() != null) {
            return evaluate(conditional.otherwise());
        }
        return new Undefined(
                "the inline if-expression on line "
                        + conditional.line()
                        + " evaluated to false and no else section was defined.");
    }
}
