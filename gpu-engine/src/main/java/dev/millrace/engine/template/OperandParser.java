package dev.millrace.engine.template;

import dev.millrace.engine.template.Token.Type;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What operators stand between: names, literals and brackets, with their signs, subscripts, calls,
 * filters and tests.
 */
final class OperandParser {
    private final TokenCursor cursor;
    private final ExpressionParser expressions;
    private final List<UnknownName> unknownNames = new ArrayList<>();

    /**
     * Names read since the innermost macro began, which tell whether it uses caller, varargs and
     * kwargs.
     */
    private Set<String> namesRead = new HashSet<>();

    /**
     * A filter or test that does not exist: an error at once, unless a condition may keep it from
     * being run.
     */
    record UnknownName(int line, String message) {}

    OperandParser(TokenCursor cursor, ExpressionParser expressions) {
        this.cursor = cursor;
        this.expressions = expressions;
    }

    List<UnknownName> unknownNames() {
        return unknownNames;
    }

    void forgetUnknownSince(int size) {
        unknownNames.subList(size, unknownNames.size()).clear();
    }

    Set<String> namesRead() {
        return namesRead;
    }

    void namesRead(Set<String> names) {
        namesRead = names;
    }

    Expr operand() {
        return unary(true);
    }

    private Expr unary(boolean withFilters) {
        Token token = cursor.current();
        Expr expression;
        if (token.isOperator("-") || token.isOperator("+")) {
            cursor.next();
            cursor.enter();
            expression = new Expr.Sign(token.line(), token.text(), unary(false));
            cursor.leave();
        } else {
            expression = primary();
        }
        expression = postfix(expression);
        return withFilters ? filtersAndTests(expression) : expression;
    }

    private Expr primary() {
        Token token = cursor.current();
        return switch (token.type()) {
            case NAME -> name(cursor.next());
            case STRING -> strings();
            case INTEGER -> new Expr.Constant(cursor.next().line(), integer(token.text()));
            case FLOAT -> new Expr.Constant(cursor.next().line(), Double.valueOf(token.text()));
            case OPERATOR -> bracketed(token);
            default -> throw cursor.error("unexpected '" + token.describe() + "'");
        };
    }

    private Expr name(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Expr.Constant(token.line(), true);
            case "false", "False" -> new Expr.Constant(token.line(), false);
            case "none", "None" -> new Expr.Constant(token.line(), null);
            default -> {
                namesRead.add(token.text());
                yield new Expr.Name(token.line(), token.text());
            }
        };
    }

    /** Strings side by side are one. */
    private Expr strings() {
        int line = cursor.line();
        StringBuilder text = new StringBuilder();
        while (cursor.current().is(Type.STRING)) {
            text.append(cursor.next().text());
        }
        return new Expr.Constant(line, text.toString());
    }

    private static Object integer(String digits) {
        if (digits.length() > 2 && Character.isLetter(digits.charAt(1))) {
            int radix =
                    switch (Character.toLowerCase(digits.charAt(1))) {
                        case 'x' -> 16;
                        case 'o' -> 8;
                        default -> 2;
                    };
            return PyNumbers.integer(new BigInteger(digits.substring(2), radix));
        }
        return PyNumbers.integer(new BigInteger(digits));
    }

    private Expr bracketed(Token token) {
        cursor.enter();
        try {
            return switch (token.text()) {
                case "(" -> {
                    cursor.next();
                    Expr inner = expressions.tuple(true, true, null);
                    cursor.expectOperator(")");
                    yield inner;
                }
                case "[" -> list();
                case "{" -> dict();
                default -> throw cursor.error("unexpected '" + token.describe() + "'");
            };
        } finally {
            cursor.leave();
        }
    }

    private Expr list() {
        int line = cursor.next().line();
        List<Expr> items = new ArrayList<>();
        while (!cursor.current().isOperator("]")) {
            items.add(expressions.expression());
            if (!cursor.skipOperator(",")) {
                break;
            }
        }
        cursor.expectOperator("]");
        return new Expr.ListOf(line, List.copyOf(items));
    }

    private Expr dict() {
        int line = cursor.next().line();
        List<Expr> keys = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!cursor.current().isOperator("}")) {
            keys.add(expressions.expression());
            cursor.expectOperator(":");
            values.add(expressions.expression());
            if (!cursor.skipOperator(",")) {
                break;
            }
        }
        cursor.expectOperator("}");
        return new Expr.DictOf(line, List.copyOf(keys), List.copyOf(values));
    }

    private Expr postfix(Expr start) {
        Expr expression = start;
        while (true) {
            Token token = cursor.current();
            if (token.isOperator(".")) {
                expression = attribute(expression);
            } else if (token.isOperator("[")) {
                expression = subscript(expression);
            } else if (token.isOperator("(")) {
                expression = new Expr.Call(token.line(), expression, arguments());
            } else {
                return expression;
            }
        }
    }

    private Expr attribute(Expr object) {
        int line = cursor.next().line();
        Token token = cursor.next();
        return switch (token.type()) {
            case NAME -> new Expr.Attribute(line, object, token.text());
            case INTEGER ->
                    new Expr.Item(line, object, new Expr.Constant(line, integer(token.text())));
            default -> throw cursor.error(token.line(), "expected name or number");
        };
    }

    private Expr subscript(Expr object) {
        int line = cursor.next().line();
        if (cursor.skipOperator(":")) {
            return slice(line, object, null);
        }
        Expr key = expressions.expression();
        if (cursor.skipOperator(":")) {
            return slice(line, object, key);
        }
        if (cursor.current().isOperator(",")) {
            List<Expr> keys = new ArrayList<>(List.of(key));
            while (cursor.skipOperator(",")) {
                keys.add(expressions.expression());
            }
            key = new Expr.TupleOf(line, List.copyOf(keys));
        }
        cursor.expectOperator("]");
        return new Expr.Item(line, object, key);
    }

    /** What follows the first colon. */
    private Expr slice(int line, Expr object, Expr start) {
        Expr stop = null;
        Expr step = null;
        if (!cursor.current().isOperator(":") && !cursor.current().isOperator("]")) {
            stop = expressions.expression();
        }
        if (cursor.skipOperator(":") && !cursor.current().isOperator("]")) {
            step = expressions.expression();
        }
        cursor.expectOperator("]");
        return new Expr.Slice(line, object, start, stop, step);
    }

    /** The arguments of a call, from its opening parenthesis to its closing one. */
    Expr.Arguments arguments() {
        int line = cursor.expectOperator("(").line();
        List<Expr> positional = new ArrayList<>();
        List<String> names = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        Expr morePositional = null;
        Expr moreNamed = null;
        while (!cursor.current().isOperator(")")) {
            boolean named = cursor.current().is(Type.NAME) && cursor.following().isOperator("=");
            boolean inOrder =
                    moreNamed == null
                            && (named
                                    || morePositional == null
                                            && (names.isEmpty()
                                                    || cursor.current().isOperator("*")
                                                    || cursor.current().isOperator("**"))
                                    || cursor.current().isOperator("**"));
            if (!inOrder) {
                throw cursor.error(line, "invalid syntax for function call expression");
            }
            if (cursor.skipOperator("*")) {
                morePositional = expressions.expression();
            } else if (cursor.skipOperator("**")) {
                moreNamed = expressions.expression();
            } else if (named) {
                names.add(cursor.next().text());
                cursor.next();
                values.add(expressions.expression());
            } else {
                positional.add(expressions.expression());
            }
            if (!cursor.current().isOperator(")")) {
                cursor.expectOperator(",");
            }
        }
        cursor.expectOperator(")");
        return new Expr.Arguments(
                List.copyOf(positional),
                List.copyOf(names),
                List.copyOf(values),
                morePositional,
                moreNamed);
    }

    private Expr filtersAndTests(Expr start) {
        Expr expression = start;
        while (true) {
            Token token = cursor.current();
            if (token.isOperator("|")) {
                expression = filters(expression);
            } else if (token.isName("is")) {
                expression = test(expression);
            } else if (token.isOperator("(")) {
                expression = new Expr.Call(token.line(), expression, arguments());
            } else {
                return expression;
            }
        }
    }

    /** One or more filters, each after a bar. */
    private Expr filters(Expr start) {
        Expr expression = start;
        while (cursor.skipOperator("|")) {
            expression = filter(expression);
        }
        return expression;
    }

    /** A chain of filters on the text of a block: the first without a bar where {@code inline}. */
    Expr.Filtered blockFilters(boolean inline) {
        Expr.Filtered filter = inline ? filter(null) : null;
        while (cursor.skipOperator("|")) {
            filter = filter(filter);
        }
        return filter;
    }

    private Expr.Filtered filter(Expr target) {
        int line = cursor.line();
        String name = dottedName();
        if (!Filters.exists(name)) {
            unknownNames.add(new UnknownName(line, "No filter named " + PyRepr.text(name) + "."));
        }
        Expr.Arguments arguments =
                cursor.current().isOperator("(") ? arguments() : Expr.Arguments.NONE;
        return new Expr.Filtered(line, target, name, arguments);
    }

    private Expr test(Expr target) {
        int line = cursor.next().line();
        boolean negated = cursor.skipName("not");
        String name = dottedName();
        if (!ValueTests.exists(name)) {
            unknownNames.add(new UnknownName(line, "No test named " + PyRepr.text(name) + "."));
        }
        Expr.Arguments arguments = Expr.Arguments.NONE;
        if (cursor.current().isOperator("(")) {
            arguments = arguments();
        } else if (startsTestArgument()) {
            if (cursor.current().isName("is")) {
                throw cursor.error("You cannot chain multiple tests with is");
            }
            arguments =
                    new Expr.Arguments(
                            List.of(postfix(primary())), List.of(), List.of(), null, null);
        }
        Expr test = new Expr.Tested(line, target, name, arguments);
        return negated ? new Expr.Not(line, test) : test;
    }

    private boolean startsTestArgument() {
        Token token = cursor.current();
        return switch (token.type()) {
            case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(cursor.expect(Type.NAME).text());
        while (cursor.skipOperator(".")) {
            name.append('.').append(cursor.expect(Type.NAME).text());
        }
        return name.toString();
    }
}
