package dev.millrace.engine.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.template.TemplateException.Kind;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Where errors are said to be, templates that run away, values from outside, and threads. */
class TemplateTest {
    private static final RenderLimits SMALL = new RenderLimits(1_000, 1_000);

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            value = {
                "a\\n"
                    + "b\\n"
                    + "{% if x %}\\n"
                    + "c@                            4@ Jinja was looking for the following tags:"
                    + " 'elif' or 'else' or 'endif'",
                "{% for a in b %}\\n"
                    + "{% if a %}\\n"
                    + "{% endfor %}@      3@ You probably made a nesting mistake",
                "a\\n\\n{{ x | nope }}@                             3@ No filter named 'nope'.",
                "{% if a %}\\n"
                    + "{% for b in c %}{{ b|nope }}{% endfor %}{% endif %}@ 2@ No filter named"
                    + " 'nope'.",
                "\\n{{ x is nope }}@                                2@ No test named 'nope'.",
                "\\n"
                    + "{{ (1 }}@                                       2@ unexpected '}', expected"
                    + " ')'",
                "{{ 'a\\nb' }}\\n{{ 1 ? }}@                         3@ unexpected char '?'",
                "{#\\n\\n#}\\n{# open@                              4@ Missing end of comment tag",
                "\\n"
                    + "{% include 'other' %}@                          2@ a chat template stands"
                    + " alone",
                "\\n\\n{{ 1@                                        3@ unexpected end of template"
            })
    void syntaxErrorsSayTheirLine(String source, int line, String words) {
        TemplateException e =
                assertThrows(
                        TemplateException.class,
                        () -> Template.parse("t.jinja", source.replace("\\n", "\n")));
        assertEquals(Kind.SYNTAX, e.kind());
        assertTrue(e.reason().contains(words.strip()), e.reason());
        assertEquals(line, e.line(), e.getMessage());
        assertEquals("t.jinja, line " + line + ": " + e.reason(), e.getMessage());
        assertEquals("t.jinja", e.templateName());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            value = {
                "a\\n"
                    + "{{ x.y }}@                                          2@ RUNTIME@ 'x' is"
                    + " undefined",
                "{% set a = 1 %}\\n"
                    + "\\n"
                    + "{{ a +\\n"
                    + " 'b' }}@                  3@ RUNTIME@ unsupported operand type(s) for +:"
                    + " 'int' and 'str'",
                "{% macro m(v) %}\\n"
                    + "{{ v.w.z }}\\n"
                    + "{% endmacro %}\\n"
                    + "{{ m({}) }}@ 2@ RUNTIME@ 'dict object' has no attribute 'w'",
                "\\n"
                    + "{% for a in 5 %}{% endfor %}@                        2@ RUNTIME@ 'int'"
                    + " object is not iterable",
                "\\n\\n{{ raise_exception('No: 100%') }}@                3@ RAISED@ No: 100%",
                "{% if true %}\\n"
                    + "{{ 1 | nope }}{% endif %}@              2@ RUNTIME@ No filter named 'nope'"
                    + " found."
            })
    void failuresSayTheirLine(String source, int line, Kind kind, String words) {
        TemplateException e =
                assertThrows(
                        TemplateException.class,
                        () -> render(source.replace("\\n", "\n"), Map.of()));
        assertEquals(kind, e.kind());
        assertEquals(words.strip(), e.reason());
        assertEquals(line, e.line(), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            value = {
                "{% for i in range(100) %}0123456789abcdef{% endfor %}",
                "{% set x %}{% for i in range(100) %}0123456789abcdef{% endfor %}{% endset %}",
                "{% for i in range(1001) %}{% endfor %}",
                "{% for i in range(50) %}{% for j in range(50) %}{% endfor %}{% endfor %}",
                "{{ range(2000) | map('string') | list | length }}",
                "{{ range(100001) | list }}",
                "{{ 'x' * 100000000 }}",
                "{{ [0] * 100000000 }}",
                "{{ 10 ** 100000 }}",
                "{{ '%999999999d' % 5 }}",
                "{{ '{:>999999999}'.format(1) }}",
                "{{ 'a'.ljust(999999999) }}",
                "{% set ns = namespace(s='x') %}{% for i in range(900) %}{% set ns.s = ns.s ~ ns.s"
                    + " %}{% endfor %}",
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro a() %}{{ caller() }}{% endmacro %}{% macro m() %}{% call a() %}{{ m()"
                    + " }}{% endcall %}{% endmacro %}{{ m() }}",
                "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}"
            })
    void stopsWhatRunsAway(String source) {
        TemplateException e =
                assertThrows(
                        TemplateException.class,
                        () ->
                                Template.parse("t", source)
                                        .render(Map.of(), Clock.systemUTC(), SMALL));
        assertEquals(Kind.LIMIT, e.kind(), e.getMessage());
    }

    /** The control beside the above: the same limits let ordinary work through. */
    @Test
    void letsOrdinaryWorkThrough() {
        String source =
                "{% for i in range(900) %}{{ 'x' if i % 9 == 0 }}{% endfor %}{{ 'y' * 100 }}{{ 2 **"
                    + " 100 }}";
        assertEquals(
                "x".repeat(100) + "y".repeat(100) + "1267650600228229401496703205376",
                Template.parse("t", source).render(Map.of(), Clock.systemUTC(), SMALL));
    }

    @Test
    void refusesTextThatIsNestedTooDeeply() {
        for (String open : new String[] {"(", "[", "not ", "-", "{% if 1 %}"}) {
            boolean block = open.startsWith("{%");
            String source = (block ? "" : "{{ ") + open.repeat(20_000);
            TemplateException e =
                    assertThrows(TemplateException.class, () -> Template.parse("t", source));
            assertTrue(e.reason().contains("nested deeper"), e.reason());
        }
        assertEquals("1", render("{{ " + "(".repeat(40) + "1" + ")".repeat(40) + " }}", Map.of()));
    }

    /** A long chain of operators is no nesting to the parser, but it is to the evaluator. */
    @Test
    void longChainsWorkOrAreRefused() {
        assertEquals("500", render("{{ 0" + " + 1".repeat(500) + " }}", Map.of()));
        Template long_ = Template.parse("t", "{{ 0" + " + 1".repeat(50_000) + " }}");
        TemplateException e =
                assertThrows(
                        TemplateException.class,
                        () -> long_.render(Map.of(), Clock.systemUTC(), RenderLimits.DEFAULT));
        assertEquals(Kind.LIMIT, e.kind());
    }

    @Test
    void takesEveryKindOfJsonValue() {
        Map<String, Object> variables = new LinkedHashMap<>();
        variables.put(
                "v",
                List.of(
                        (byte) 1,
                        (short) 2,
                        3,
                        4L,
                        0.5f,
                        1.0,
                        new BigDecimal("2.5"),
                        new BigInteger("99999999999999999999"),
                        true));
        variables.put("n", null);
        variables.put("m", Map.of("k", List.of()));
        assertEquals(
                "[1, 2, 3, 4, 0.5, 1.0, 2.5, 99999999999999999999, True] None {'k': []}",
                render("{{ v }} {{ n }} {{ m }}", variables));
        TemplateException e =
                assertThrows(
                        TemplateException.class,
                        () -> render("", Map.of("v", new StringBuilder())));
        assertTrue(e.reason().contains("java.lang.StringBuilder"), e.reason());
    }

    @Test
    void leavesTheCallersValuesAlone() {
        List<Object> list = new ArrayList<>(List.of(1));
        Map<String, Object> variables = new LinkedHashMap<>(Map.of("list", list));
        assertThrows(TemplateException.class, () -> render("{{ list.append(2) }}", variables));
        assertEquals("[1, 2]", render("{% set list = list + [2] %}{{ list }}", variables));
        assertEquals(List.of(1), list);
    }

    @Test
    void oneTemplateServesManyThreads() {
        Template template =
                Template.parse(
                        "t",
                        "{% set ns = namespace(n=0) %}{% for i in range(50) %}{% set ns.n = ns.n +"
                            + " k %}{% endfor %}{{ ns.n }}");
        List<String> results =
                IntStream.range(0, 200)
                        .parallel()
                        .mapToObj(
                                k ->
                                        template.render(
                                                Map.of("k", k),
                                                Clock.systemUTC(),
                                                RenderLimits.DEFAULT))
                        .toList();
        for (int k = 0; k < results.size(); k++) {
            assertEquals(String.valueOf(50 * k), results.get(k));
        }
    }

    private static String render(String source, Map<String, Object> variables) {
        return Template.parse("t", source)
                .render(variables, Clock.systemUTC(), RenderLimits.DEFAULT);
    }
}
