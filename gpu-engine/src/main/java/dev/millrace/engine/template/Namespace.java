package dev.millrace.engine.template;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What {@code namespace()} gives: the one kind of value that a template may change, by {@code set
 * ns.x = ...}.
 */
final class Namespace {
    private final Map<String, Object> attributes = new LinkedHashMap<>();

    Map<String, Object> attributes() {
        return attributes;
    }

    void set(String name, Object value) {
        if (name.startsWith("_")) {
            throw PyError.of(
                    "Chat templates cannot store underscore-prefixed attributes on a namespace, but"
                        + " got "
                            + PyRepr.text(name)
                            + ". Please rename the attribute.");
        }
        attributes.put(name, value);
    }
}
