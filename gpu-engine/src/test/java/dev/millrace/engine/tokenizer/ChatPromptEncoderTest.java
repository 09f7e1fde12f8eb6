package dev.millrace.engine.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.api.RequestRejectedException;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** From messages, text or token ids to a prompt, and the refusals on the way. */
class ChatPromptEncoderTest {
    private static final List<Map<String, Object>> HI =
            List.of(Map.of("role", "user", "content", "hi"));

    @TempDir private Path dir;

    @BeforeEach
    void copyTokenizer() throws IOException {
        Files.copy(
                Path.of("src/test/resources/goldens/tokenizers/llama3/tokenizer.json"),
                dir.resolve("tokenizer.json"));
    }

    @Test
    void rendersAndTokenizesWithoutAddingSpecialTokensTwice() throws IOException {
        Files.writeString(
                dir.resolve("tokenizer_config.json"), "{\"bos_token\": \"<|begin_of_text|>\"}");
        Files.writeString(
                dir.resolve("chat_template.jinja"),
                "{{ bos_token }}{{ messages[0].content }}{% if add_generation_prompt %}>{% endif"
                    + " %}{{ mood }}");
        try (ChatPromptEncoder encoder = ChatPromptEncoder.load(dir, null)) {
            int begin = encoder.tokenizer().tokenId("<|begin_of_text|>").orElseThrow();
            PromptEncoder.EncodedPrompt prompt = encoder.chat(HI, null, Map.of("mood", "!"));
            assertEquals("<|begin_of_text|>hi>!", prompt.text());
            assertEquals(begin, prompt.tokenIds()[0]);
            assertEquals("hi>!", encoder.tokenizer().decode(prompt.tokenIds(), true));
            assertEquals(
                    "<|begin_of_text|>hi",
                    encoder.chat(HI, null, Map.of("add_generation_prompt", false)).text());
            assertEquals(
                    begin,
                    encoder.text("hi").tokenIds()[0],
                    "plain text gets what the tokenizer adds");
            assertRejected(
                    "chat_template_kwargs",
                    () -> encoder.chat(HI, null, Map.of("add_generation_prompt", "yes")));
        }
    }

    @Test
    void aRefusalKeepsTheTemplatesWords() throws IOException {
        Path own =
                Files.writeString(
                        dir.resolve("own.jinja"),
                        "\n"
                            + "{% if tools %}{{ raise_exception('No tools, please.') }}{% endif"
                            + " %}{{ messages[0].nope.nope }}");
        try (ChatPromptEncoder encoder = ChatPromptEncoder.load(dir, own)) {
            assertEquals(
                    "No tools, please.",
                    assertRejected("messages", () -> encoder.chat(HI, List.of(1), Map.of())));
            String failure = assertRejected("messages", () -> encoder.chat(HI, null, Map.of()));
            assertTrue(
                    failure.contains("own.jinja, line 2")
                            && failure.contains("has no attribute 'nope'"),
                    failure);
        }
    }

    @Test
    void aModelWithoutTemplateTakesTextOnly() {
        try (ChatPromptEncoder encoder = ChatPromptEncoder.load(dir, null)) {
            String message = assertRejected("messages", () -> encoder.chat(HI, null, Map.of()));
            assertTrue(
                    message.contains("no chat template") && message.contains("--chat-template"),
                    message);
            assertEquals("hi", encoder.text("hi").text());
        }
    }

    @Test
    void tokenIdsAreCheckedAgainstTheVocabulary() {
        try (ChatPromptEncoder encoder = ChatPromptEncoder.load(dir, null)) {
            int[] ids = encoder.text("hello").tokenIds();
            assertArrayEquals(ids, encoder.tokens(ids).tokenIds());
            assertEquals("<|begin_of_text|>hello", encoder.tokens(ids).text());
            int size = encoder.tokenizer().vocabularySize();
            assertTrue(
                    assertRejected("prompt", () -> encoder.tokens(new int[] {0, size}))
                            .contains("token id " + size));
            assertTrue(
                    assertRejected("prompt", () -> encoder.tokens(new int[] {-1}))
                            .contains("token id -1"));
        }
    }

    private static String assertRejected(String param, Runnable action) {
        RequestRejectedException e = assertThrows(RequestRejectedException.class, action::run);
        assertEquals(param, e.param());
        assertEquals("invalid_request", e.code());
        return e.getMessage();
    }
}
