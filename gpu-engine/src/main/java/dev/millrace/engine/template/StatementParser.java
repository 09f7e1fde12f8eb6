package dev.millrace.engine.template;

import dev.millrace.engine.template.Token.Type;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Statements: everything between <code>{%</code> and <code>%}</code>, and the text around it. */
final class StatementParser {
    private final TokenCursor cursor;
    private final ExpressionParser expressions;
    private final OperandParser operands;

    /** Tags that are open, innermost first, for messages. */
    private final Deque<String> openTags = new ArrayDeque<>();

    private final Deque<List<String>> awaited = new ArrayDeque<>();
    private int loopDepth;

    private StatementParser(String name, List<Token> tokens) {
        cursor = new TokenCursor(name, tokens);
        expressions = new ExpressionParser(cursor);
        operands = expressions.operands();
    }

    /**
     * @throws TemplateException of kind SYNTAX, with the line
     */
    static List<Node> parse(String name, String source) {
        StatementParser parser = new StatementParser(name, Lexer.tokenize(name, source));
        List<Node> body = parser.body(List.of());
        parser.refuseUnknownNames(0);
        return body;
    }

    /** Nodes up to one of the end tags, whose name is then the current token. */
    private List<Node> body(List<String> endTags) {
        List<Node> nodes = new ArrayList<>();
        if (!endTags.isEmpty()) {
            awaited.push(endTags);
        }
        while (!cursor.current().is(Type.END)) {
            Token token = cursor.next();
            switch (token.type()) {
                case DATA -> nodes.add(new Node.Text(token.text()));
                case VARIABLE_BEGIN -> {
                    nodes.add(new Node.Print(expressions.tuple(true, false, null)));
                    cursor.expect(Type.VARIABLE_END);
                }
                default -> {
                    if (cursor.current().is(Type.NAME)
                            && endTags.contains(cursor.current().text())) {
                        awaited.pop();
                        return List.copyOf(nodes);
                    }
                    nodes.add(statement());
                    cursor.expect(Type.BLOCK_END);
                }
            }
        }
        if (!endTags.isEmpty()) {
            throw cursor.error("Unexpected end of template. " + lookingFor(endTags));
        }
        return List.copyOf(nodes);
    }

    private String lookingFor(List<String> tags) {
        String innermost =
                openTags.isEmpty()
                        ? ""
                        : " The innermost block that needs to be closed is '"
                                + openTags.peek()
                                + "'.";
        return "Jinja was looking for the following tags: '"
                + String.join("' or '", tags)
                + "'."
                + innermost;
    }

    /** The rest of a tag, then a body, up to one of the end tags. */
    private List<Node> bodyAfterTag(String... endTags) {
        cursor.skipOperator(":");
        cursor.expect(Type.BLOCK_END);
        return body(List.of(endTags));
    }

    /** The same, past the end tag. */
    private List<Node> wholeBody(String endTag) {
        List<Node> body = bodyAfterTag(endTag);
        cursor.next();
        return body;
    }

    private Node statement() {
        Token tag = cursor.current();
        if (!tag.is(Type.NAME)) {
            throw cursor.error("tag name expected");
        }
        cursor.next();
        cursor.enter();
        openTags.push(tag.text());
        Node node =
                switch (tag.text()) {
                    case "for" -> forLoop(tag.line());
                    case "if" -> condition();
                    case "set" -> assignment(tag.line());
                    case "macro" -> macro(tag.line());
                    case "call" -> callBlock(tag.line());
                    case "filter" -> filterBlock();
                    case "with" -> with();
                    case "generation" ->
                            new Node.Scoped(outsideLoops(() -> wholeBody("endgeneration")));
                    case "block" -> block();
                    case "print" -> print();
                    case "break", "continue" -> loopControl(tag);
                    case "include", "import", "from", "extends", "autoescape" ->
                            throw cursor.error(
                                    tag.line(),
                                    "a chat template stands alone: '"
                                            + tag.text()
                                            + "' is not supported");
                    default -> throw unknownTag(tag);
                };
        openTags.pop();
        cursor.leave();
        return node;
    }

    private TemplateException unknownTag(Token tag) {
        openTags.pop();
        String message = "Encountered unknown tag '" + tag.text() + "'.";
        if (!awaited.isEmpty()) {
            boolean nesting = awaited.stream().anyMatch(tags -> tags.contains(tag.text()));
            String tags = "'" + String.join("' or '", awaited.peek()) + "'";
            message +=
                    nesting
                            ? " You probably made a nesting mistake. Jinja is expecting this tag,"
                                  + " but currently looking for "
                                    + tags
                                    + "."
                            : " " + lookingFor(awaited.peek());
        }
        return cursor.error(tag.line(), message);
    }

    private Node forLoop(int line) {
        Node.Target target = target("in", false);
        cursor.expectName("in");
        Expr items = expressions.tuple(false, false, "recursive");
        Expr condition = cursor.skipName("if") ? expressions.expression() : null;
        boolean recursive = cursor.skipName("recursive");
        int unknownBefore = operands.unknownNames().size();
        loopDepth++;
        List<Node> body = bodyAfterTag("endfor", "else");
        loopDepth--;
        List<Node> otherwise = cursor.next().isName("else") ? wholeBody("endfor") : List.of();
        refuseUnknownNames(unknownBefore);
        return new Node.For(line, target, items, condition, recursive, body, otherwise);
    }

    private Node condition() {
        int unknownBefore = operands.unknownNames().size();
        List<Expr> tests = new ArrayList<>();
        List<List<Node>> bodies = new ArrayList<>();
        List<Node> otherwise = List.of();
        while (true) {
            tests.add(expressions.tuple(false, false, null));
            bodies.add(bodyAfterTag("elif", "else", "endif"));
            Token end = cursor.next();
            if (end.isName("else")) {
                otherwise = wholeBody("endif");
            }
            if (!end.isName("elif")) {
                operands.forgetUnknownSince(unknownBefore); // it may never be run
                return new Node.If(List.copyOf(tests), List.copyOf(bodies), otherwise);
            }
        }
    }

    private Node assignment(int line) {
        Node.Target target = target(null, true);
        if (cursor.skipOperator("=")) {
            return new Node.Set(line, target, expressions.tuple(true, false, null));
        }
        Expr.Filtered filter = operands.blockFilters(false);
        return new Node.SetBlock(line, target, filter, wholeBody("endset"));
    }

    private Node macro(int line) {
        String name = cursor.expect(Type.NAME).text();
        List<String> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        parameters(parameters, defaults);
        return scopedBody(line, name, parameters, defaults, "endmacro", Node.MacroDefinition::new);
    }

    private Node callBlock(int line) {
        List<String> parameters = new ArrayList<>();
        List<Expr> defaults = new ArrayList<>();
        if (cursor.current().isOperator("(")) {
            parameters(parameters, defaults);
        }
        if (!(expressions.expression() instanceof Expr.Call call)) {
            throw cursor.error(line, "expected call");
        }
        return scopedBody(
                line,
                null,
                parameters,
                defaults,
                "endcall",
                (signature, body) -> new Node.CallBlock(signature, call, body));
    }

    /** Makes a node of a signature and a body. */
    private interface Definition {
        Node of(Node.Signature signature, List<Node> body);
    }

    private Node scopedBody(
            int line,
            String name,
            List<String> parameters,
            List<Expr> defaults,
            String endTag,
            Definition definition) {
        Set<String> outer = operands.namesRead();
        Set<String> read = new HashSet<>();
        operands.namesRead(read);
        int unknownBefore = operands.unknownNames().size();
        List<Node> body = outsideLoops(() -> wholeBody(endTag));
        refuseUnknownNames(unknownBefore);
        outer.addAll(read);
        operands.namesRead(outer);
        Node.Signature signature =
                new Node.Signature(
                        line,
                        name,
                        List.copyOf(parameters),
                        List.copyOf(defaults),
                        uses("caller", read, parameters),
                        uses("varargs", read, parameters),
                        uses("kwargs", read, parameters));
        return definition.of(signature, body);
    }

    private static boolean uses(String special, Set<String> read, List<String> parameters) {
        return read.contains(special) && !parameters.contains(special);
    }

    private void parameters(List<String> names, List<Expr> defaults) {
        cursor.expectOperator("(");
        while (!cursor.current().isOperator(")")) {
            if (!names.isEmpty()) {
                cursor.expectOperator(",");
            }
            names.add(cursor.expect(Type.NAME).text());
            if (cursor.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw cursor.error("non-default argument follows default argument");
            }
        }
        cursor.expectOperator(")");
    }

    private Node filterBlock() {
        Expr.Filtered filter = operands.blockFilters(true);
        return new Node.FilterBlock(filter, wholeBody("endfilter"));
    }

    private Node with() {
        List<Node.Target> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!cursor.current().is(Type.BLOCK_END)) {
            if (!targets.isEmpty()) {
                cursor.expectOperator(",");
            }
            targets.add(target(null, false));
            cursor.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Node.With(List.copyOf(targets), List.copyOf(values), wholeBody("endwith"));
    }

    private Node block() {
        String name = cursor.expect(Type.NAME).text();
        cursor.skipName("scoped");
        cursor.skipName("required");
        List<Node> body = outsideLoops(() -> wholeBody("endblock"));
        cursor.skipName(name);
        return new Node.Scoped(body);
    }

    private Node print() {
        int line = cursor.line();
        List<Expr> parts = new ArrayList<>();
        while (!cursor.current().is(Type.BLOCK_END)) {
            if (!parts.isEmpty()) {
                cursor.expectOperator(",");
            }
            parts.add(expressions.expression());
        }
        return new Node.Print(new Expr.Concat(line, List.copyOf(parts)));
    }

    private Node loopControl(Token tag) {
        if (loopDepth == 0) {
            throw cursor.error(tag.line(), "'" + tag.text() + "' outside loop");
        }
        return tag.text().equals("break") ? new Node.Break() : new Node.Continue();
    }

    /** A macro's body is called from elsewhere: the loop around its definition is none to break. */
    private List<Node> outsideLoops(Supplier<List<Node>> parse) {
        int outer = loopDepth;
        loopDepth = 0;
        List<Node> body = parse.get();
        loopDepth = outer;
        return body;
    }

    /** What may be assigned to: a name, several, or an attribute of a namespace. */
    private Node.Target target(String endName, boolean withAttributes) {
        int line = cursor.line();
        List<Node.Target> targets = new ArrayList<>();
        boolean comma = false;
        while (!endsTarget(endName)) {
            targets.add(singleTarget(withAttributes));
            if (!cursor.skipOperator(",")) {
                break;
            }
            comma = true;
        }
        if (targets.isEmpty()) {
            throw cursor.error("Expected an expression, got '" + cursor.current().describe() + "'");
        }
        return comma ? new Node.TupleTarget(line, List.copyOf(targets)) : targets.getFirst();
    }

    private boolean endsTarget(String endName) {
        Token token = cursor.current();
        return token.is(Type.BLOCK_END)
                || token.isOperator(")")
                || token.isOperator("=")
                || endName != null && token.isName(endName);
    }

    private Node.Target singleTarget(boolean withAttributes) {
        if (cursor.skipOperator("(")) {
            Node.Target inner = target(null, withAttributes);
            cursor.expectOperator(")");
            return inner;
        }
        Token name = cursor.current();
        if (!name.is(Type.NAME)
                || Set.of("true", "True", "false", "False", "none", "None").contains(name.text())) {
            throw cursor.error("can't assign to 'const'");
        }
        cursor.next();
        if (withAttributes && cursor.skipOperator(".")) {
            operands.namesRead().add(name.text());
            return new Node.AttributeTarget(
                    name.line(), name.text(), cursor.expect(Type.NAME).text());
        }
        return new Node.NameTarget(name.text());
    }

    private void refuseUnknownNames(int since) {
        List<OperandParser.UnknownName> unknown = operands.unknownNames();
        if (unknown.size() > since) {
            throw cursor.error(unknown.get(since).line(), unknown.get(since).message());
        }
    }
}
