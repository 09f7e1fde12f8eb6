package dev.millrace.engine.template;

/**
 * The value of what is not there. Prints as nothing, is false and empty; anything else done with it fails.
 *
 * @param message what an operation on it fails with
 */
record Undefined(String message) {

    static Undefined name(String name) {
        return new Undefined(PyRepr.text(name) + " is undefined");
    }

    /** @param key what was looked up in {@code object} and not found */
    static Undefined member(Object object, Object key) {
        String type = object == null ? "None" : PyValues.typeName(object) + " object";
        return key instanceof String attribute
                ? new Undefined(PyRepr.text(type) + " has no attribute " + PyRepr.text(attribute))
                : new Undefined(type + " has no element " + PyRepr.repr(key));
    }

    /** What the sandbox forbids: Python's internals, and methods that change a list or a dict. */
    static Undefined unsafe(Object object, String attribute) {
        return new Undefined("access to attribute " + PyRepr.text(attribute) + " of "
                + PyRepr.text(PyValues.typeName(object)) + " object is unsafe.");
    }

    PyError error() {
        return PyError.of(message);
    }
}
