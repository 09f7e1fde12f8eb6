package dev.millrace.engine.template;

import java.util.List;

/** An expression; immutable. Every one knows its line in the template. */
sealed interface Expr {
    int line();

    record Constant(int line, Object value) implements Expr {}

    record Name(int line, String name) implements Expr {}

    record ListOf(int line, List<Expr> items) implements Expr {}

    record TupleOf(int line, List<Expr> items) implements Expr {}

    /**
     * @param values as many as keys
     */
    record DictOf(int line, List<Expr> keys, List<Expr> values) implements Expr {}

    /** {@code object.name} */
    record Attribute(int line, Expr object, String name) implements Expr {}

    /** {@code object[key]} */
    record Item(int line, Expr object, Expr key) implements Expr {}

    /** {@code object[start:stop:step]}; a part that is left out is null */
    record Slice(int line, Expr object, Expr start, Expr stop, Expr step) implements Expr {}

    record Call(int line, Expr callee, Arguments arguments) implements Expr {}

    /** {@code target | name(arguments)}; target is null where a block is filtered */
    record Filtered(int line, Expr target, String name, Arguments arguments) implements Expr {}

    /** {@code target is name(arguments)} */
    record Tested(int line, Expr target, String name, Arguments arguments) implements Expr {}

    /**
     * @param operator {@code +} or {@code -}
     */
    record Sign(int line, String operator, Expr operand) implements Expr {}

    record Not(int line, Expr operand) implements Expr {}

    record And(int line, Expr left, Expr right) implements Expr {}

    record Or(int line, Expr left, Expr right) implements Expr {}

    record Binary(int line, String operator, Expr left, Expr right) implements Expr {}

    /** {@code first op operand op operand ...}, each compared with its neighbour */
    record Compare(int line, Expr first, List<String> operators, List<Expr> operands)
            implements Expr {}

    /** {@code a ~ b ~ c} */
    record Concat(int line, List<Expr> parts) implements Expr {}

    /**
     * @param otherwise null where there is no else
     */
    record Conditional(int line, Expr test, Expr then, Expr otherwise) implements Expr {}

    /**
     * Arguments as written.
     *
     * @param names of the keyword arguments
     * @param values of the keyword arguments
     * @param moreNamed what stands after {@code **}, or null
     * @param morePositional what stands after {@code *}, or null
     */
    record Arguments(
            List<Expr> positional,
            List<String> names,
            List<Expr> values,
            Expr morePositional,
            Expr moreNamed) {
        static final Arguments NONE = new Arguments(List.of(), List.of(), List.of(), null, null);
    }
}
