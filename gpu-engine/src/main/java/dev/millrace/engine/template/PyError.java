package dev.millrace.engine.template;

/** A failed operation on values, before it is known where in the template: what Python would raise. */
final class PyError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final TemplateException.Kind kind;

    private PyError(TemplateException.Kind kind, String message) {
        super(message, null, false, false);
        this.kind = kind;
    }

    static PyError of(String message) {
        return new PyError(TemplateException.Kind.RUNTIME, message);
    }

    static PyError raised(String message) {
        return new PyError(TemplateException.Kind.RAISED, message);
    }

    static PyError limit(String message) {
        return new PyError(TemplateException.Kind.LIMIT, message);
    }

    TemplateException.Kind kind() {
        return kind;
    }
}
