package dev.millrace.engine.template;

import java.time.Clock;
import java.util.Iterator;
import java.util.List;
import java.util.function.Supplier;

/**
 * Runs the statements of one rendering. Holds its variables, its output and its budget; one thread,
 * one use.
 */
final class Interpreter {

    /** How a body ended. */
    enum Signal {
        NORMAL,
        BREAK,
        CONTINUE
    }

    private final RenderBudget budget;
    private final Clock clock;
    private final Evaluator evaluator;
    private Scope scope;
    private StringBuilder out = new StringBuilder();
    private int line = 1;

    Interpreter(Scope variables, RenderBudget budget, Clock clock) {
        this.scope = variables;
        this.budget = budget;
        this.clock = clock;
        this.evaluator = new Evaluator(this);
    }

    String render(List<Node> template) {
        run(template);
        return out.toString();
    }

    RenderBudget budget() {
        return budget;
    }

    Clock clock() {
        return clock;
    }

    Scope scope() {
        return scope;
    }

    /** The line being run, for messages. */
    int line() {
        return line;
    }

    void line(int current) {
        line = current;
    }

    Object evaluate(Expr expression) {
        return evaluator.evaluate(expression);
    }

    /** Runs with a scope, then goes back to the one before. */
    <T> T inScope(Scope inner, Supplier<T> action) {
        Scope before = scope;
        scope = inner;
        try {
            return action.get();
        } finally {
            scope = before;
        }
    }

    /** What a body prints, in a scope of its own inside the given one. */
    String capture(Scope inner, List<Node> body) {
        StringBuilder before = out;
        out = new StringBuilder();
        try {
            inScope(inner, () -> run(body));
            return out.toString();
        } finally {
            out = before;
        }
    }

    Signal run(List<Node> nodes) {
        for (Node node : nodes) {
            Signal signal = run(node);
            if (signal != Signal.NORMAL) {
                return signal;
            }
        }
        return Signal.NORMAL;
    }

    private Signal run(Node node) {
        switch (node) {
            case Node.Text text -> write(text.text());
            case Node.Print print -> write(PyValues.str(evaluate(print.expression())));
            case Node.If condition -> {
                return runIf(condition);
            }
            case Node.For loop -> runFor(loop);
            case Node.Set set -> assign(set.target(), evaluate(set.value()));
            case Node.SetBlock block ->
                    assign(
                            block.target(),
                            filtered(block.filter(), capture(new Scope(scope), block.body())));
            case Node.MacroDefinition macro ->
                    scope.set(
                            macro.signature().name(),
                            new Macro(macro.signature(), macro.body(), scope));
            case Node.CallBlock block -> write(PyValues.str(runCall(block)));
            case Node.FilterBlock block ->
                    write(
                            PyValues.str(
                                    filtered(
                                            block.filter(),
                                            capture(new Scope(scope), block.body()))));
            case Node.With with -> {
                return runWith(with);
            }
            case Node.Scoped scoped -> write(capture(new Scope(scope), scoped.body()));
            case Node.Break end -> {
                return Signal.BREAK;
            }
            case Node.Continue next -> {
                return Signal.CONTINUE;
            }
        }
        return Signal.NORMAL;
    }

    private void write(String text) {
        budget.write(text.length());
        out.append(text);
    }

    private Object filtered(Expr.Filtered filter, String text) {
        return filter == null ? text : evaluator.filterText(filter, text);
    }

    private Signal runIf(Node.If condition) {
        for (int i = 0; i < condition.tests().size(); i++) {
            if (PyValues.truthy(evaluate(condition.tests().get(i)))) {
                return run(condition.bodies().get(i));
            }
        }
        return run(condition.otherwise());
    }

    private void runFor(Node.For loop) {
        Object items = evaluate(loop.items());
        line = loop.line();
        if (loop.recursive()) {
            write(runRecursive(loop, items, scope, 0));
        } else {
            runLoop(loop, items, scope, 0, null);
        }
    }

    /**
     * The output of a recursive loop over {@code items}; within, calling {@code loop} comes back
     * here.
     */
    private String runRecursive(Node.For loop, Object items, Scope outer, int depth) {
        StringBuilder before = out;
        out = new StringBuilder();
        budget.enter();
        try {
            runLoop(
                    loop,
                    items,
                    outer,
                    depth,
                    inner -> runRecursive(loop, inner, outer, depth + 1));
            return out.toString();
        } finally {
            budget.leave();
            out = before;
        }
    }

    private void runLoop(
            Node.For loop, Object items, Scope outer, int depth, LoopContext.Recursion recursion) {
        Iterator<Object> iterator = PyValues.iterate(items);
        long length = -1;
        if (loop.condition() != null) {
            iterator = PyIterators.filter(iterator, item -> holds(loop, outer, item));
        } else if (!(items instanceof PyIterator)) {
            length = PyValues.length(items);
        }
        LoopContext context = new LoopContext(iterator, length, depth, recursion);
        boolean any = false;
        while (context.advance()) {
            any = true;
            budget.step();
            Scope inner = new Scope(outer);
            inner.set("loop", context);
            Signal signal =
                    inScope(
                            inner,
                            () -> {
                                assign(loop.target(), context.current());
                                return run(loop.body());
                            });
            if (signal == Signal.BREAK) {
                return;
            }
        }
        if (!any) {
            inScope(new Scope(outer), () -> run(loop.otherwise()));
        }
    }

    private boolean holds(Node.For loop, Scope outer, Object item) {
        budget.step();
        return inScope(
                new Scope(outer),
                () -> {
                    assign(loop.target(), item);
                    return PyValues.truthy(evaluate(loop.condition()));
                });
    }

    private Signal runWith(Node.With with) {
        List<Object> values = with.values().stream().map(this::evaluate).toList();
        return inScope(
                new Scope(scope),
                () -> {
                    for (int i = 0; i < values.size(); i++) {
                        assign(with.targets().get(i), values.get(i));
                    }
                    return run(with.body());
                });
    }

    private Object runCall(Node.CallBlock block) {
        Macro caller = new Macro(block.signature(), block.body(), scope);
        return evaluator.call(block.call(), caller);
    }

    private void assign(Node.Target target, Object value) {
        switch (target) {
            case Node.NameTarget name -> scope.set(name.name(), value);
            case Node.AttributeTarget attribute -> {
                line = attribute.line();
                if (!(evaluator.resolve(attribute.namespace()) instanceof Namespace namespace)) {
                    throw PyError.of("cannot assign attribute on non-namespace object");
                }
                namespace.set(attribute.attribute(), value);
            }
            case Node.TupleTarget tuple -> unpack(tuple, value);
        }
    }

    private void unpack(Node.TupleTarget tuple, Object value) {
        line = tuple.line();
        if (!PyValues.isIterable(value)) {
            throw PyError.of("cannot unpack non-iterable " + PyValues.typeName(value) + " object");
        }
        List<Object> items = PyValues.items(value);
        int wanted = tuple.targets().size();
        if (items.size() > wanted) {
            throw PyError.of("too many values to unpack (expected " + wanted + ")");
        }
        if (items.size() < wanted) {
            throw PyError.of(
                    "not enough values to unpack (expected "
                            + wanted
                            + ", got "
                            + items.size()
                            + ")");
        }
        for (int i = 0; i < wanted; i++) {
            assign(tuple.targets().get(i), items.get(i));
        }
    }
}
