package dev.millrace.engine.structured;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Refuses rules that stand in themselves with nothing before (they could not be walked) and rules
 * without a finite text (a walk through them could never end).
 */
final class RuleCheck {
    private final Set<Rule> finite = new HashSet<>();
    private Map<Node, Boolean> known = new HashMap<>();

    private RuleCheck() {}

    static void check(Node root, Collection<Rule> rules) {
        for (Rule rule : rules) {
            if (reaches(rule.body(), rule, new HashSet<>())) {
                throw new ConstraintException(
                        rule.name(), "is defined as itself, with nothing in between");
            }
        }
        RuleCheck check = new RuleCheck();
        boolean grows = true;
        while (grows) {
            check.known = new HashMap<>();
            grows = false;
            for (Rule rule : rules) {
                grows |= check.isFinite(rule.body()) && check.finite.add(rule);
            }
        }
        check.known = new HashMap<>();
        for (Rule rule : rules) {
            if (!check.finite.contains(rule)) {
                throw new ConstraintException(
                        rule.name(), "contains itself in every value, so that none is finite");
            }
        }
    }

    /** Whether a rule can come first in an expression. */
    private static boolean reaches(Node node, Rule wanted, Set<Node> seen) {
        if (!seen.add(node)) {
            return false;
        }
        return switch (node.kind) {
            case NEVER, EMPTY, BYTES -> false;
            case RULE -> node.rule == wanted || reaches(node.rule.body(), wanted, seen);
            case REPEAT, UNIT -> reaches(node.first, wanted, seen);
            case CHOICE -> node.choices.stream().anyMatch(n -> reaches(n, wanted, seen));
            case SEQUENCE ->
                    reaches(node.first, wanted, seen)
                            || node.first.isNullable && reaches(node.rest, wanted, seen);
        };
    }

    private boolean isFinite(Node node) {
        Boolean before = known.get(node);
        if (before == null) {
            before =
                    switch (node.kind) {
                        case NEVER -> false;
                        case EMPTY, BYTES -> true;
                        case RULE -> isFiniteRule(node.rule);
                        case REPEAT -> node.min == 0 || isFinite(node.first);
                        case UNIT -> isFinite(node.first);
                        case CHOICE -> node.choices.stream().anyMatch(this::isFinite);
                        case SEQUENCE -> isFiniteSequence(node);
                    };
            known.put(node, before);
        }
        return before;
    }

    private boolean isFiniteSequence(Node sequence) {
        Node node = sequence;
        for (; node.kind == Node.Kind.SEQUENCE; node = node.rest) {
            if (!isFinite(node.first)) {
                return false;
            }
        }
        return isFinite(node);
    }

    /** The rule for any JSON value is none of the schema's and has texts. */
    private boolean isFiniteRule(Rule rule) {
        return finite.contains(rule) || rule.name().equals(JsonText.ANY_VALUE);
    }
}
