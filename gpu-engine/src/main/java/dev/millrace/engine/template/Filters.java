package dev.millrace.engine.template;

import java.util.HashMap;
import java.util.Map;

/** The filters by name: Jinja2's own, with {@code tojson} as chat templates have it. */
final class Filters {

    /** A filter; {@code args} are those in parentheses. */
    interface Filter {
        Object apply(Interpreter interpreter, Object value, CallArgs args);
    }

    private static final Map<String, Filter> FILTERS = table();

    private Filters() {}

    private static Map<String, Filter> table() {
        Map<String, Filter> table = new HashMap<>();
        table.putAll(TextFilters.TABLE);
        table.putAll(SequenceFilters.TABLE);
        table.putAll(OrderFilters.TABLE);
        table.putAll(NumberFilters.TABLE);
        return Map.copyOf(table);
    }

    static boolean exists(String name) {
        return FILTERS.containsKey(name);
    }

    static Object apply(Interpreter interpreter, String name, Object value, CallArgs args) {
        Filter filter = FILTERS.get(name);
        if (filter == null) {
            throw PyError.of("No filter named " + PyRepr.text(name) + ".");
        }
        return filter.apply(interpreter, value, args);
    }
}
