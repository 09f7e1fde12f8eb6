package dev.millrace.engine.structured;

/** A constraint that cannot be understood or is not supported; says where in its text. */
final class ConstraintException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String at;

    /**
     * @param at place inside the constraint: a JSON pointer, or empty
     * @param message a sentence without its subject's path
     */
    ConstraintException(String at, String message) {
        super(message);
        this.at = at;
    }

    String at() {
        return at;
    }
}
