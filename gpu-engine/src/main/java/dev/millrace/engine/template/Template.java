package dev.millrace.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A parsed Jinja2 template, as transformers' {@code apply_chat_template} would set it up: an
 * immutable sandbox with {@code trim_blocks}, {@code lstrip_blocks}, {@code break} and {@code
 * continue}, the {@code generation} block, and the functions {@code raise_exception} and {@code
 * strftime_now}. Immutable; several threads may render at once.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/">the language</a>
 */
public final class Template {
    private final String name;
    private final List<Node> body;

    private Template(String name, List<Node> body) {
        this.name = name;
        this.body = body;
    }

    /**
     * Parses a template.
     *
     * @param name what messages call it, for example its file
     * @throws TemplateException of kind SYNTAX, with the line
     */
    public static Template parse(String name, String source) {
        return new Template(name, StatementParser.parse(name, source));
    }

    public String name() {
        return name;
    }

    /**
     * Renders with the given variables: JSON values (Map, List, String, Number, Boolean, null),
     * which are copied.
     *
     * @param clock what {@code strftime_now} reads, in its zone
     * @throws TemplateException when the template refuses, fails or runs away
     */
    public String render(Map<String, Object> variables, Clock clock, RenderLimits limits) {
        Scope global = new Scope(null);
        Interpreter interpreter =
                new Interpreter(new Scope(global), new RenderBudget(limits), clock);
        try {
            variables.forEach((key, value) -> global.set(key, value(value)));
            return interpreter.render(body);
        } catch (PyError e) {
            throw new TemplateException(e.kind(), name, interpreter.line(), e.getMessage());
        } catch (RuntimeException e) { // a defect here must cost one request, not the worker
            throw new TemplateException(name, interpreter.line(), e);
        } catch (StackOverflowError e) {
            throw new TemplateException(
                    TemplateException.Kind.LIMIT,
                    name,
                    interpreter.line(),
                    "values or calls are nested too deeply");
        }
    }

    /** A JSON value as the interpreter holds it. */
    private static Object value(Object json) {
        return switch (json) {
            case null -> null;
            case String s -> s;
            case Boolean b -> b;
            case Double d -> d;
            case Float f -> (double) f;
            case BigDecimal d -> d.doubleValue();
            case BigInteger b -> PyNumbers.integer(b);
            case Long l -> l;
            case Integer i -> (long) i;
            case Short s -> (long) s;
            case Byte b -> (long) b;
            case List<?> list -> {
                List<Object> copy = new ArrayList<>(list.size());
                list.forEach(item -> copy.add(value(item)));
                yield copy;
            }
            case Map<?, ?> map -> {
                Map<Object, Object> copy = new LinkedHashMap<>();
                map.forEach((key, item) -> copy.put(String.valueOf(key), value(item)));
                yield copy;
            }
            default ->
                    throw new IllegalArgumentException(
                            "a template variable is no JSON value but "
                                    + json.getClass().getName());
        };
    }
}
