package dev.millrace.engine.template;

import dev.millrace.engine.template.Token.Type;
import java.util.List;

/** A place in the list of tokens, and what the parser asks of it. */
final class TokenCursor {
    private final String templateName;
    private final List<Token> tokens;
    private int place;
    private int nesting;

    TokenCursor(String templateName, List<Token> tokens) {
        this.templateName = templateName;
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(place);
    }

    Token following() {
        return tokens.get(Math.min(place + 1, tokens.size() - 1));
    }

    int line() {
        return current().line();
    }

    /** Returns the current token and moves on; the end stays the end. */
    Token next() {
        Token token = current();
        if (place < tokens.size() - 1 && !token.is(Type.END)) {
            place++;
        }
        return token;
    }

    boolean skipOperator(String operator) {
        return skipIf(current().isOperator(operator));
    }

    boolean skipName(String name) {
        return skipIf(current().isName(name));
    }

    private boolean skipIf(boolean matches) {
        if (matches) {
            next();
        }
        return matches;
    }

    Token expect(Type type) {
        return current().is(type) ? next() : unexpected(type.words());
    }

    Token expectOperator(String operator) {
        return current().isOperator(operator) ? next() : unexpected(operator);
    }

    Token expectName(String name) {
        return current().isName(name) ? next() : unexpected(name);
    }

    private Token unexpected(String wanted) {
        if (current().is(Type.END)) {
            throw error("unexpected end of template, expected '" + wanted + "'.");
        }
        throw error("expected token '" + wanted + "', got '" + current().describe() + "'");
    }

    /** Counts one level of nesting; {@link #leave} goes with it. */
    void enter() {
        if (++nesting > RenderBudget.MAX_NESTING) {
            throw error("nested deeper than " + RenderBudget.MAX_NESTING);
        }
    }

    void leave() {
        nesting--;
    }

    TemplateException error(String message) {
        return error(line(), message);
    }

    TemplateException error(int line, String message) {
        return new TemplateException(TemplateException.Kind.SYNTAX, templateName, line, message);
    }
}
