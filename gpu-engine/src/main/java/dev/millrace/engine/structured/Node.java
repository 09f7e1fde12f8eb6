package dev.millrace.engine.structured;

import java.util.List;

/**
 * What may still follow: a language over bytes, as an expression. Nodes are made by {@link Nodes}
 * only, which makes equal ones once, so that they are compared by identity and serve as the states
 * of an automaton. Immutable but for two memos, which any thread may fill.
 */
final class Node {
    /** The forms of an expression. */
    enum Kind {
        /** No text at all. */
        NEVER,
        /** The empty text. */
        EMPTY,
        /** One byte out of {@link Node#bytes}. */
        BYTES,
        /** {@link Node#first}, then {@link Node#rest}; first is no sequence itself. */
        SEQUENCE,
        /** One of {@link Node#choices}. */
        CHOICE,
        /** {@link Node#first}, {@link Node#min} to {@link Node#max} times. */
        REPEAT,
        /**
         * {@link Node#first}, held together: what follows it is never mixed in, so that masks of its
         * inside serve wherever it stands.
         */
        UNIT,
        /** The body of {@link Node#rule}. */
        RULE
    }

    /** As {@link #max}: any number of times. */
    static final int UNBOUNDED = Integer.MAX_VALUE;

    final Kind kind;
    final int id;
    final ByteSet bytes;
    final Node first;
    final Node rest;
    final List<Node> choices;
    final int min;
    final int max;
    final Rule rule;

    /** Whether the empty text is in the language: nothing more is needed. */
    final boolean isNullable;

    /** [256] the node after each byte, as far as asked. */
    Node[] next;

    /** The bytes that a text of the language may begin with. */
    ByteSet starts;

    Node(int id, Parts parts, boolean isNullable) {
        this.id = id;
        this.isNullable = isNullable;
        kind = parts.kind;
        bytes = parts.bytes;
        first = parts.first;
        rest = parts.rest;
        choices = parts.choices;
        min = parts.min;
        max = parts.max;
        rule = parts.rule;
    }

    /** What a node is made of: two nodes of equal parts are one. */
    record Parts(
            Kind kind,
            ByteSet bytes,
            Node first,
            Node rest,
            List<Node> choices,
            int min,
            int max,
            Rule rule) {}
}
