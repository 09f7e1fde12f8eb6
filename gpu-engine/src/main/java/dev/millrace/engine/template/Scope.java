package dev.millrace.engine.template;

import java.util.HashMap;
import java.util.Map;

/** Variables of a block and those around it. Assigning never changes an outer scope. */
final class Scope {
    private final Scope outer;
    private Map<String, Object> variables;

    Scope(Scope outer) {
        this.outer = outer;
    }

    /** The value, or {@link PyValues#ABSENT}. */
    Object find(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            if (scope.variables != null && scope.variables.containsKey(name)) {
                return scope.variables.get(name);
            }
        }
        return PyValues.ABSENT;
    }

    void set(String name, Object value) {
        if (variables == null) {
            variables = new HashMap<>();
        }
        variables.put(name, value);
    }
}
