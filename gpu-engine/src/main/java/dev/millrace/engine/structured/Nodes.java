package dev.millrace.engine.structured;

import dev.millrace.engine.structured.Node.Kind;
import dev.millrace.engine.structured.Node.Parts;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Makes expressions and takes their derivatives (Brzozowski, JACM 1964): the derivative by a byte is
 * what may follow that byte. Since equal expressions are one node, derivatives are the states of an
 * automaton that is built as far as it is walked; a rule that stands in itself grows the sequence
 * behind it, which is the stack of a pushdown automaton. Every node except NEVER has a text: what
 * could never be finished is simplified away, so that a byte is allowed exactly when the derivative
 * by it is not NEVER. Safe for use by several threads.
 */
final class Nodes {
    private final ConcurrentHashMap<Parts, Node> known = new ConcurrentHashMap<>();
    private final AtomicInteger nextId = new AtomicInteger();
    final Node never = make(new Parts(Kind.NEVER, null, null, null, null, 0, 0, null), false);
    final Node empty = make(new Parts(Kind.EMPTY, null, null, null, null, 0, 0, null), true);

    /** Nodes so far: what this costs in memory grows with it. */
    int size() {
        return known.size();
    }

    Node bytes(ByteSet set) {
        return set.isEmpty()
                ? never
                : make(new Parts(Kind.BYTES, set, null, null, null, 0, 0, null), false);
    }

    Node text(String text) {
        Node node = empty;
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        for (int i = utf8.length - 1; i >= 0; i--) {
            node = pair(bytes(ByteSet.of(utf8[i] & 0xff)), node);
        }
        return node;
    }

    Node sequence(Node... parts) {
        Node node = empty;
        for (int i = parts.length - 1; i >= 0; i--) {
            node = append(parts[i], node);
        }
        return node;
    }

    private Node append(Node head, Node tail) {
        if (head.kind != Kind.SEQUENCE) {
            return pair(head, tail);
        }
        List<Node> parts = new ArrayList<>();
        Node rest = head;
        for (; rest.kind == Kind.SEQUENCE; rest = rest.rest) {
            parts.add(rest.first);
        }
        Node node = pair(rest, tail);
        for (int i = parts.size() - 1; i >= 0; i--) {
            node = pair(parts.get(i), node);
        }
        return node;
    }

    /** A sequence whose head is none. */
    private Node pair(Node head, Node tail) {
        if (head == never || tail == never) {
            return never;
        }
        if (head == empty) {
            return tail;
        }
        if (tail == empty) {
            return head;
        }
        return make(
                new Parts(Kind.SEQUENCE, null, head, tail, null, 0, 0, null),
                head.isNullable && tail.isNullable);
    }

    Node choice(Node... options) {
        return choice(List.of(options));
    }

    Node choice(Collection<Node> options) {
        TreeSet<Node> distinct = new TreeSet<>(Comparator.comparingInt(node -> node.id));
        ByteSet single = ByteSet.NONE;
        for (Node option : options) {
            for (Node part : option.kind == Kind.CHOICE ? option.choices : List.of(option)) {
                if (part.kind == Kind.BYTES) {
                    single = single.or(part.bytes);
                } else if (part != never) {
                    distinct.add(part);
                }
            }
        }
        if (!single.isEmpty()) {
            distinct.add(bytes(single));
        }
        if (distinct.size() > 1 && distinct.contains(empty)
                && distinct.stream().anyMatch(node -> node != empty && node.isNullable)) {
            distinct.remove(empty);
        }
        if (distinct.size() < 2) {
            return distinct.isEmpty() ? never : distinct.first();
        }
        return make(
                new Parts(Kind.CHOICE, null, null, null, List.copyOf(distinct), 0, 0, null),
                distinct.stream().anyMatch(node -> node.isNullable));
    }

    Node optional(Node node) {
        return choice(empty, node);
    }

    /**
     * @param max may be {@link Node#UNBOUNDED}
     */
    Node repeat(Node item, int min, int max) {
        if (max == 0 || item == empty) {
            return empty;
        }
        if (item == never) {
            return min == 0 ? empty : never;
        }
        int least = item.isNullable ? 0 : min;
        if (least == 1 && max == 1) {
            return item;
        }
        return make(
                new Parts(Kind.REPEAT, null, item, null, null, least, max, null), least == 0);
    }

    Node unit(Node node) {
        return switch (node.kind) {
            case NEVER, EMPTY, UNIT, BYTES -> node;
            default ->
                    make(new Parts(Kind.UNIT, null, node, null, null, 0, 0, null), node.isNullable);
        };
    }

    /** A rule, whose body must not have the empty text. */
    Node rule(Rule rule) {
        return make(new Parts(Kind.RULE, null, null, null, null, 0, 0, rule), false);
    }

    private Node make(Parts parts, boolean isNullable) {
        Node node = known.get(parts);
        if (node != null) {
            return node;
        }
        return known.computeIfAbsent(
                parts, p -> new Node(nextId.getAndIncrement(), p, isNullable));
    }

    /** The derivative, remembered in the node: for walks, which come by again and again. */
    Node step(Node node, int value) {
        Node[] next = node.next;
        if (next == null) {
            next = new Node[256];
            node.next = next;
        }
        Node after = next[value];
        if (after == null) {
            after = derive(node, value);
            next[value] = after;
        }
        return after;
    }

    /** What may follow the byte {@code value}, 0 .. 255; NEVER if it is not allowed. */
    Node derive(Node node, int value) {
        return switch (node.kind) {
            case NEVER, EMPTY -> never;
            case BYTES -> node.bytes.contains(value) ? empty : never;
            case SEQUENCE -> {
                Node inHead = append(derive(node.first, value), node.rest);
                yield node.first.isNullable ? choice(inHead, derive(node.rest, value)) : inHead;
            }
            case CHOICE -> {
                List<Node> after = new ArrayList<>();
                for (Node option : node.choices) {
                    if (starts(option).contains(value)) {
                        after.add(derive(option, value));
                    }
                }
                yield choice(after);
            }
            case REPEAT -> {
                Node more =
                        repeat(
                                node.first,
                                Math.max(0, node.min - 1),
                                node.max == Node.UNBOUNDED ? node.max : node.max - 1);
                yield append(derive(node.first, value), more);
            }
            case UNIT -> unit(derive(node.first, value));
            case RULE -> derive(node.rule.body(), value);
        };
    }

    /** The bytes that are allowed next. */
    ByteSet starts(Node node) {
        if (node.starts == null) {
            node.starts =
                    switch (node.kind) {
                        case NEVER, EMPTY -> ByteSet.NONE;
                        case BYTES -> node.bytes;
                        case SEQUENCE ->
                                node.first.isNullable
                                        ? starts(node.first).or(starts(node.rest))
                                        : starts(node.first);
                        case CHOICE -> {
                            ByteSet all = ByteSet.NONE;
                            for (Node option : node.choices) {
                                all = all.or(starts(option));
                            }
                            yield all;
                        }
                        case REPEAT, UNIT -> starts(node.first);
                        case RULE -> starts(node.rule.body());
                    };
        }
        return node.starts;
    }
}
