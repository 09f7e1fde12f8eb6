package dev.millrace.engine.template;

import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Functions that every template can call. */
final class Globals {
    private static final Map<String, PyCallable> FUNCTIONS =
            Map.of(
                    "range", (in, args) -> range(args),
                    "dict", (in, args) -> dict(args),
                    "namespace", (in, args) -> namespace(args),
                    "cycler", (in, args) -> new Cycler(args.positional()),
                    "joiner",
                            (in, args) ->
                                    new Joiner(args.check("joiner", 0, "sep").get(0, "sep", ", ")),
                    "raise_exception",
                            (in, args) -> {
                                throw PyError.raised(
                                        PyValues.str(
                                                args.check("raise_exception", 1, "message")
                                                        .get(0, "message", null)));
                            },
                    "strftime_now",
                            (in, args) ->
                                    Strftime.format(
                                            args.check("strftime_now", 1, "format")
                                                    .text(0, "format", null),
                                            ZonedDateTime.now(in.clock())));

    private Globals() {}

    static PyCallable find(String name) {
        return FUNCTIONS.get(name);
    }

    private static PyRange range(CallArgs args) {
        List<Object> given = args.check("range", 1, "start", "stop", "step").positional();
        long first = PyNumbers.index(given.getFirst());
        PyRange range =
                switch (given.size()) {
                    case 1 -> new PyRange(0, first, 1);
                    case 2 -> new PyRange(first, PyNumbers.index(given.get(1)), 1);
                    default ->
                            new PyRange(
                                    first,
                                    PyNumbers.index(given.get(1)),
                                    PyNumbers.index(given.get(2)));
                };
        if (size(range) > RenderBudget.MAX_RANGE) {
            throw PyError.limit(
                    "Range too big. The sandbox blocks ranges larger than MAX_RANGE ("
                            + RenderBudget.MAX_RANGE
                            + ").");
        }
        return range;
    }

    private static long size(PyRange range) {
        try {
            return range.size();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }

    private static Map<Object, Object> dict(CallArgs args) {
        Map<Object, Object> map = new LinkedHashMap<>();
        if (!args.positional().isEmpty()) {
            Object from = args.positional().getFirst();
            map.putAll(
                    from instanceof Map<?, ?> other
                            ? PyValues.dict(other)
                            : SequenceFilters.dictOf(PyValues.items(from)));
        }
        map.putAll(args.named());
        return map;
    }

    private static Namespace namespace(CallArgs args) {
        Namespace namespace = new Namespace();
        dict(args).forEach((key, value) -> namespace.set(PyValues.str(key), value));
        return namespace;
    }

    /** Gives its values in turn, over and over. */
    static final class Cycler implements PyCallable {
        private final List<Object> values;
        private int place;

        private Cycler(List<Object> values) {
            if (values.isEmpty()) {
                throw PyError.of("at least one item has to be provided");
            }
            this.values = new ArrayList<>(values);
        }

        Object attribute(String name) {
            return switch (name) {
                case "current" -> values.get(place);
                case "next" ->
                        (PyCallable)
                                (in, args) -> {
                                    Object value = values.get(place);
                                    place = (place + 1) % values.size();
                                    return value;
                                };
                case "reset" ->
                        (PyCallable)
                                (in, args) -> {
                                    place = 0;
                                    return null;
                                };
                default -> PyValues.ABSENT;
            };
        }

        @Override
        public Object call(Interpreter interpreter, CallArgs args) {
            throw PyError.of("'Cycler' object is not callable");
        }

        @Override
        public String typeName() {
            return "Cycler";
        }
    }

    /** Nothing the first time, then a separator. */
    private static final class Joiner implements PyCallable {
        private final Object separator;
        private boolean used;

        private Joiner(Object separator) {
            this.separator = separator;
        }

        @Override
        public Object call(Interpreter interpreter, CallArgs args) {
            Object result = used ? separator : "";
            used = true;
            return result;
        }

        @Override
        public String typeName() {
            return "Joiner";
        }
    }
}
