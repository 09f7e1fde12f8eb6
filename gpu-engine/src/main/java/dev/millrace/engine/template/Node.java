package dev.millrace.engine.template;

import java.util.List;

/** A statement of a template, or text between statements; immutable. */
sealed interface Node {

    record Text(String text) implements Node {}

    /** <code>{{ expression }}</code> */
    record Print(Expr expression) implements Node {}

    /**
     * @param condition items for which it is false are left out; or null
     */
    record For(
            int line,
            Target target,
            Expr items,
            Expr condition,
            boolean recursive,
            List<Node> body,
            List<Node> otherwise)
            implements Node {}

    /** The first body whose test holds; {@code tests} and {@code bodies} go together. */
    record If(List<Expr> tests, List<List<Node>> bodies, List<Node> otherwise) implements Node {}

    record Set(int line, Target target, Expr value) implements Node {}

    /**
     * @param filter applied to the captured text, or null
     */
    record SetBlock(int line, Target target, Expr.Filtered filter, List<Node> body)
            implements Node {}

    record MacroDefinition(Signature signature, List<Node> body) implements Node {}

    /**
     * @param signature of the caller's body
     */
    record CallBlock(Signature signature, Expr.Call call, List<Node> body) implements Node {}

    record FilterBlock(Expr.Filtered filter, List<Node> body) implements Node {}

    record With(List<Target> targets, List<Expr> values, List<Node> body) implements Node {}

    /**
     * A body with names of its own: {@code block}, and {@code generation}, which marks what the
     * assistant said.
     */
    record Scoped(List<Node> body) implements Node {}

    record Break() implements Node {}

    record Continue() implements Node {}

    /**
     * Parameters of a macro.
     *
     * @param name null for the body of a call block
     * @param defaults of the last parameters
     * @param usesCaller whether the body mentions {@code caller}
     */
    record Signature(
            int line,
            String name,
            List<String> parameters,
            List<Expr> defaults,
            boolean usesCaller,
            boolean usesVarargs,
            boolean usesKwargs) {}

    /** What a value is assigned to. */
    sealed interface Target {}

    record NameTarget(String name) implements Target {}

    /** {@code namespace.attribute} */
    record AttributeTarget(int line, String namespace, String attribute) implements Target {}

    record TupleTarget(int line, List<Target> targets) implements Target {}
}
