package dev.millrace.engine.template;

import dev.millrace.engine.template.Token.Type;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Expressions, by Jinja2's order of precedence: conditional, or, and, not, comparison, {@code + -},
 * {@code ~}, {@code * / // %}, {@code **}, sign, then the operands of {@link OperandParser}.
 */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final Set<String> FACTORS = Set.of("*", "/", "//", "%");

    private final TokenCursor cursor;
    private final OperandParser operands;

    ExpressionParser(TokenCursor cursor) {
        this.cursor = cursor;
        this.operands = new OperandParser(cursor, this);
    }

    OperandParser operands() {
        return operands;
    }

    Expr expression() {
        cursor.enter();
        int line = cursor.line();
        int unknownBefore = operands.unknownNames().size();
        Expr expression = or();
        while (cursor.skipName("if")) {
            Expr test = or();
            Expr otherwise = cursor.skipName("else") ? expression() : null;
            expression = new Expr.Conditional(line, test, expression, otherwise);
            operands.forgetUnknownSince(unknownBefore); // it may never be run
        }
        cursor.leave();
        return expression;
    }

    /** One expression, or several with commas between them, which make a tuple. */
    Expr tuple(boolean conditional, boolean inParentheses, String endName) {
        int line = cursor.line();
        List<Expr> items = new ArrayList<>();
        boolean comma = false;
        while (!endsTuple(endName)) {
            items.add(conditional ? expression() : or());
            if (!cursor.skipOperator(",")) {
                break;
            }
            comma = true;
        }
        if (!comma && items.size() == 1) {
            return items.getFirst();
        }
        if (items.isEmpty() && !inParentheses) {
            throw cursor.error("Expected an expression, got '" + cursor.current().describe() + "'");
        }
        return new Expr.TupleOf(line, List.copyOf(items));
    }

    private boolean endsTuple(String endName) {
        Token token = cursor.current();
        return token.is(Type.VARIABLE_END)
                || token.is(Type.BLOCK_END)
                || token.isOperator(")")
                || endName != null && token.isName(endName);
    }

    private Expr or() {
        int line = cursor.line();
        Expr left = and();
        while (cursor.skipName("or")) {
            left = new Expr.Or(line, left, and());
        }
        return left;
    }

    private Expr and() {
        int line = cursor.line();
        Expr left = not();
        while (cursor.skipName("and")) {
            left = new Expr.And(line, left, not());
        }
        return left;
    }

    private Expr not() {
        int line = cursor.line();
        if (!cursor.skipName("not")) {
            return comparison();
        }
        cursor.enter();
        Expr operand = not();
        cursor.leave();
        return new Expr.Not(line, operand);
    }

    private Expr comparison() {
        int line = cursor.line();
        Expr first = sum();
        List<String> operators = new ArrayList<>();
        List<Expr> operands = new ArrayList<>();
        while (true) {
            Token token = cursor.current();
            if (token.is(Type.OPERATOR) && COMPARISONS.contains(token.text())) {
                operators.add(cursor.next().text());
            } else if (cursor.skipName("in")) {
                operators.add("in");
            } else if (token.isName("not") && cursor.following().isName("in")) {
                cursor.next();
                cursor.next();
                operators.add("not in");
            } else {
                break;
            }
            operands.add(sum());
        }
        return operators.isEmpty()
                ? first
                : new Expr.Compare(line, first, List.copyOf(operators), List.copyOf(operands));
    }

    private Expr sum() {
        Expr left = concatenation();
        while (cursor.current().isOperator("+") || cursor.current().isOperator("-")) {
            Token operator = cursor.next();
            left = new Expr.Binary(operator.line(), operator.text(), left, concatenation());
        }
        return left;
    }

    private Expr concatenation() {
        int line = cursor.line();
        Expr first = product();
        if (!cursor.current().isOperator("~")) {
            return first;
        }
        List<Expr> parts = new ArrayList<>(List.of(first));
        while (cursor.skipOperator("~")) {
            parts.add(product());
        }
        return new Expr.Concat(line, List.copyOf(parts));
    }

    private Expr product() {
        Expr left = power();
        while (cursor.current().is(Type.OPERATOR) && FACTORS.contains(cursor.current().text())) {
            Token operator = cursor.next();
            left = new Expr.Binary(operator.line(), operator.text(), left, power());
        }
        return left;
    }

    private Expr power() {
        Expr left = operands.operand();
        while (cursor.current().isOperator("**")) {
            Token operator = cursor.next();
            left = new Expr.Binary(operator.line(), operator.text(), left, operands.operand());
        }
        return left;
    }
}
