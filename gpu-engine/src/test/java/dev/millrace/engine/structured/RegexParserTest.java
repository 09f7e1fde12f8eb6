package dev.millrace.engine.structured;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Random;
import java.util.regex.Pattern;

/** Expressions against java.util.regex, on random texts and on random expressions. */
class RegexParserTest {
    private static final long SEED = Long.getLong("millrace.seed", 7);
    private static final String[] LETTERS = {"a", "b", "c", "1", " ", "-", "é", "水", "😀"};
    private static final String[] ATOMS = {
        "a", "b", "c", ".", "\\d", "\\w", "\\s", "\\S", "\\D", "\\W", "[ab]", "[^a]", "[a-c1]",
        "é", "[à-ü水]", "\\-", "\\x61", "\\u0062", "[\\d-]", "😀"
    };

    @Test
    void agreesWithJavaOnRandomExpressions() {
        Random random = new Random(SEED);
        int matches = 0;
        for (int i = 0; i < 1500; i++) {
            String regex = expression(random, 3);
            Nodes nodes = new Nodes();
            Node node = RegexParser.whole(nodes, Characters.plain(nodes), regex);
            Pattern java = Pattern.compile(regex);
            for (int k = 0; k < 12; k++) {
                String text = text(random);
                boolean expected = java.matcher(text).matches();
                assertEquals(
                        expected,
                        Texts.matches(nodes, node, text),
                        regex + " on '" + text + "', seed " + SEED);
                matches += expected ? 1 : 0;
            }
            String made = Texts.random(nodes, node, random);
            assertTrue(
                    made == null || java.matcher(made).matches(),
                    regex + " made '" + made + "', seed " + SEED);
        }
        assertTrue(matches > 500, "texts that match: " + matches);
    }

    @Test
    void searchesAsJavaFinds() {
        Random random = new Random(SEED);
        for (int i = 0; i < 300; i++) {
            String inside = expression(random, 2);
            String regex =
                    switch (i % 4) {
                        case 0 -> inside;
                        case 1 -> "^(?:" + inside + ")";
                        case 2 -> "(?:" + inside + ")$";
                        default -> "^(?:" + inside + ")$";
                    };
            Nodes nodes = new Nodes();
            Node node = RegexParser.within(nodes, Characters.plain(nodes), regex);
            Pattern java = Pattern.compile(regex);
            for (int k = 0; k < 10; k++) {
                String text = text(random);
                assertEquals(
                        java.matcher(text).find(),
                        Texts.matches(nodes, node, text),
                        regex + " in '" + text + "', seed " + SEED);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "a(?=b) | a look-around or a group with flags at character 2",
                "(a)\\1 | '\\1' at character 4",
                "\\bword | '\\b' at character 1",
                "a^b | an anchor inside the expression ('^') at character 2",
                "(a$) | an anchor inside the expression ('$') at character 3",
                "a$b | an anchor inside the expression ('$') at character 2",
                "a++ | a possessive repeat at character 2",
                "\\p{L} | '\\p' at character 1",
                "a{2 | a repeat that is not {n}, {n,} or {n,m} at character 2",
                "a{3,2} | a repeat that is not {n}, {n,} or {n,m} at character 2",
                "a{99999} | a repeat above 10000 at character 2",
                "*a | a repeat of nothing at character 1",
                "(a | a '(' without its ')' at character 1",
                "a) | an unmatched ')' at character 2",
                "[b-a] | a range of a class that has no order at character 2",
                "[a | a '[' without its ']' at character 1"
            })
    void refusesByNameAndPlace(String regex, String complaint) {
        Nodes nodes = new Nodes();
        ConstraintException e =
                assertThrows(
                        ConstraintException.class,
                        () -> RegexParser.whole(nodes, Characters.plain(nodes), regex));
        assertTrue(e.getMessage().contains(complaint), e.getMessage());
    }

    private static String expression(Random random, int depth) {
        StringBuilder regex = new StringBuilder();
        int terms = 1 + random.nextInt(3);
        for (int i = 0; i < terms; i++) {
            if (depth > 0 && random.nextInt(3) == 0) {
                regex.append(random.nextBoolean() ? "(" : "(?:");
                regex.append(expression(random, depth - 1));
                if (random.nextBoolean()) {
                    regex.append('|').append(expression(random, depth - 1));
                }
                regex.append(')');
            } else {
                regex.append(ATOMS[random.nextInt(ATOMS.length)]);
            }
            String[] repeats = {"", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{1,}", "*?"};
            regex.append(repeats[random.nextInt(repeats.length)]);
        }
        return regex.toString();
    }

    private static String text(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(6); i > 0; i--) {
            text.append(LETTERS[random.nextInt(LETTERS.length)]);
        }
        return text.toString();
    }
}
