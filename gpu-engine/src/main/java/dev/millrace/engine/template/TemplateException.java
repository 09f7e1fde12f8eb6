package dev.millrace.engine.template;

/** A template that cannot be parsed, or that failed on the given values. Says where and why. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What went wrong, by who can mend it. */
    public enum Kind {
        /** The template's text is wrong. */
        SYNTAX,
        /** The template refused its input: it called {@code raise_exception}. */
        RAISED,
        /**
         * An operation failed on the values it was given, for example an attribute of an undefined
         * variable.
         */
        RUNTIME,
        /** Rendering was stopped because it went on for too long or grew too large. */
        LIMIT
    }

    private final Kind kind;
    private final String templateName;
    private final int line;
    private final String reason;

    TemplateException(Kind kind, String templateName, int line, String reason) {
        super(templateName + ", line " + line + ": " + reason);
        this.kind = kind;
        this.templateName = templateName;
        this.line = line;
        this.reason = reason;
    }

    TemplateException(String templateName, int line, RuntimeException cause) {
        this(Kind.RUNTIME, templateName, line, "internal error: " + cause);
        initCause(cause);
    }

    public Kind kind() {
        return kind;
    }

    public String templateName() {
        return templateName;
    }

    /** Line of the template, from 1. */
    public int line() {
        return line;
    }

    /** The message alone; for {@link Kind#RAISED} the template's own words, unchanged. */
    public String reason() {
        return reason;
    }
}
