package dev.millrace.engine.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A macro, or the body of a call block. Sees the variables around its definition as they are when
 * it is called.
 *
 * @param signature its parameters
 * @param scope where it was defined
 */
record Macro(Node.Signature signature, List<Node> body, Scope scope) implements PyCallable {

    String name() {
        return signature.name();
    }

    @Override
    public Object call(Interpreter interpreter, CallArgs args) {
        Scope inner = new Scope(scope);
        bind(interpreter, args, inner);
        interpreter.budget().enter();
        try {
            return interpreter.capture(inner, body);
        } finally {
            interpreter.budget().leave();
        }
    }

    private void bind(Interpreter interpreter, CallArgs args, Scope inner) {
        List<String> parameters = signature.parameters();
        Map<String, Object> named = new LinkedHashMap<>(args.named());
        int firstDefault = parameters.size() - signature.defaults().size();
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            if (i < args.positional().size()) {
                inner.set(parameter, args.positional().get(i));
            } else if (named.containsKey(parameter)) {
                inner.set(parameter, named.remove(parameter));
            } else if (i < firstDefault) {
                inner.set(
                        parameter,
                        new Undefined("parameter " + PyRepr.text(parameter) + " was not provided"));
            } else {
                Expr fallback = signature.defaults().get(i - firstDefault);
                inner.set(
                        parameter,
                        interpreter.inScope(inner, () -> interpreter.evaluate(fallback)));
            }
        }
        bindSpecial(args, named, inner);
    }

    private void bindSpecial(CallArgs args, Map<String, Object> named, Scope inner) {
        int declared = signature.parameters().size();
        if (signature.usesCaller()) {
            Object caller = named.remove("caller");
            inner.set("caller", caller == null ? new Undefined("No caller defined") : caller);
        }
        if (signature.usesKwargs()) {
            inner.set("kwargs", new LinkedHashMap<Object, Object>(named));
        } else if (named.containsKey("caller")) {
            throw PyError.of(
                    "macro "
                            + PyRepr.repr(name())
                            + " was invoked with two values for the special caller argument."
                            + " This is most likely a bug.");
        } else if (!named.isEmpty()) {
            throw PyError.of(
                    "macro "
                            + PyRepr.repr(name())
                            + " takes no keyword argument "
                            + PyRepr.text(named.keySet().iterator().next()));
        }
        int given = args.positional().size();
        if (signature.usesVarargs()) {
            inner.set(
                    "varargs",
                    new PyTuple(args.positional().subList(Math.min(declared, given), given)));
        } else if (given > declared) {
            throw PyError.of(
                    "macro "
                            + PyRepr.repr(name())
                            + " takes not more than "
                            + declared
                            + " argument(s)");
        }
    }

    /** An attribute, or {@link PyValues#ABSENT}. */
    Object attribute(String attribute) {
        return switch (attribute) {
            case "name" -> name();
            case "arguments" -> new PyTuple(List.copyOf(signature.parameters()));
            case "caller" -> signature.usesCaller();
            case "catch_kwargs" -> signature.usesKwargs();
            case "catch_varargs" -> signature.usesVarargs();
            default -> PyValues.ABSENT;
        };
    }

    @Override
    public String typeName() {
        return "Macro";
    }
}
