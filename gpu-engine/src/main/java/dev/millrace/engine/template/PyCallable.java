package dev.millrace.engine.template;

/** A value that a template can call. */
interface PyCallable {
    Object call(Interpreter interpreter, CallArgs args);

    /** Python's name of its type, for messages. */
    default String typeName() {
        return "builtin_function_or_method";
    }
}
