package dev.millrace.engine.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Every tokenizer case of the reference: ids, decoded text, and what may be shown after each token.
 */
class TokenizerGoldenTest {
    private static final Path GOLDENS = Path.of("src/test/resources/goldens/tokenizers");

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen2", "gpt2", "llama2"})
    void agreesWithTheReference(String family) throws IOException {
        JsonNode golden =
                new ObjectMapper()
                        .readTree(GOLDENS.resolve(family).resolve("golden.json").toFile());
        assertTrue(golden.path("cases").size() >= 58, "the golden file has cases");
        try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve(family))) {
            for (JsonNode c : golden.path("cases")) {
                String text = c.path("text").textValue();
                int[] ids = ints(c.path("ids"));
                assertArrayEquals(ids, tokenizer.encode(text, true), () -> "ids of " + text);
                assertArrayEquals(
                        ints(c.path("ids_without_special")),
                        tokenizer.encode(text, false),
                        () -> "plain ids of " + text);
                assertEquals(c.path("decoded").textValue(), tokenizer.decode(ids, true), "decoded");
                assertEquals(
                        c.path("decoded_with_special").textValue(),
                        tokenizer.decode(ids, false),
                        "decoded with special tokens");
                assertEquals(
                        strings(c.path("pieces")),
                        pieces(tokenizer, ids, true),
                        () -> "pieces of " + text);
                assertEquals(
                        c.path("decoded_with_special").textValue(),
                        String.join("", pieces(tokenizer, ids, false)));
            }
        }
    }

    /** The last piece includes what {@code finish} gives, as in the reference. */
    private static List<String> pieces(HfTokenizer tokenizer, int[] ids, boolean skipSpecial) {
        Detokenizer detokenizer = tokenizer.detokenizer(skipSpecial);
        List<String> pieces = new ArrayList<>();
        for (int i = 0; i < ids.length; i++) {
            String piece = detokenizer.append(ids[i]);
            pieces.add(i == ids.length - 1 ? piece + detokenizer.finish() : piece);
        }
        return pieces;
    }

    private static int[] ints(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
    }

    private static List<String> strings(JsonNode list) {
        return IntStream.range(0, list.size()).mapToObj(i -> list.get(i).textValue()).toList();
    }
}
