package dev.millrace.engine.template;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Arguments of a call, filter or test.
 *
 * @param positional in order
 * @param named by keyword, in order
 */
record CallArgs(List<Object> positional, Map<String, Object> named) {
    static final CallArgs NONE = new CallArgs(List.of(), Map.of());

    static CallArgs of(Object... positional) {
        return new CallArgs(Arrays.asList(positional), Map.of());
    }

    /**
     * Checks the arguments against a signature; afterwards {@link #get} finds each by place or
     * name.
     *
     * @param callable what a message calls it
     * @param required how many of the parameters must be given
     */
    CallArgs check(String callable, int required, String... parameters) {
        if (positional.size() > parameters.length) {
            throw PyError.of(
                    callable
                            + "() takes at most "
                            + parameters.length
                            + " arguments ("
                            + positional.size()
                            + " given)");
        }
        Set<String> known = new HashSet<>(List.of(parameters));
        for (String name : named.keySet()) {
            if (!known.contains(name)) {
                throw PyError.of(
                        callable + "() got an unexpected keyword argument " + PyRepr.text(name));
            }
        }
        for (int i = 0; i < parameters.length; i++) {
            boolean byName = named.containsKey(parameters[i]);
            if (i < positional.size() && byName) {
                throw PyError.of(
                        callable
                                + "() got multiple values for argument "
                                + PyRepr.text(parameters[i]));
            }
            if (i < required && i >= positional.size() && !byName) {
                throw PyError.of(
                        callable + "() missing required argument " + PyRepr.text(parameters[i]));
            }
        }
        return this;
    }

    boolean has(int place, String name) {
        return place < positional.size() || named.containsKey(name);
    }

    Object get(int place, String name, Object fallback) {
        if (place < positional.size()) {
            return positional.get(place);
        }
        return named.containsKey(name) ? named.get(name) : fallback;
    }

    boolean flag(int place, String name, boolean fallback) {
        return PyValues.truthy(get(place, name, fallback));
    }

    long integer(int place, String name, long fallback) {
        return PyNumbers.index(get(place, name, fallback));
    }

    /** Text of an argument that must be a string. */
    String text(int place, String name, String fallback) {
        return PyValues.text(get(place, name, fallback));
    }

    /** The arguments after the first few. */
    CallArgs from(int place) {
        return new CallArgs(
                positional.subList(Math.min(place, positional.size()), positional.size()), named);
    }
}
