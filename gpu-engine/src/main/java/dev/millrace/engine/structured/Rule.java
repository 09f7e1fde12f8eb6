package dev.millrace.engine.structured;

/**
 * A named part of a grammar that may stand inside itself: what makes a grammar more than a regular
 * expression. Rules are told apart by identity.
 */
final class Rule {
    private final String name;
    private Node body;

    /**
     * @param name where it comes from, for errors
     */
    Rule(String name) {
        this.name = name;
    }

    String name() {
        return name;
    }

    /** Null until it is defined. */
    Node body() {
        return body;
    }

    void define(Node definition) {
        body = definition;
    }
}
