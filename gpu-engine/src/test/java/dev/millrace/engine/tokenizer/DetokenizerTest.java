package dev.millrace.engine.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/**
 * Characters in pieces, bytes that are no characters, special tokens, and files that are no
 * tokenizer.
 */
class DetokenizerTest {
    private static final Path GOLDENS = Path.of("src/test/resources/goldens/tokenizers");

    @Test
    void holdsBackAnEmojiUntilItsLastByte() {
        for (String family : new String[] {"gpt2", "llama2"}) {
            try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve(family))) {
                int[] ids = byteIds(tokenizer, "\uD83D\uDC4B".getBytes(StandardCharsets.UTF_8));
                Detokenizer detokenizer = tokenizer.detokenizer(true);
                for (int i = 0; i < 3; i++) {
                    assertEquals("", detokenizer.append(ids[i]), family);
                }
                assertEquals("\uD83D\uDC4B", detokenizer.append(ids[3]), family);
                assertEquals("", detokenizer.finish(), family);
            }
        }
    }

    @Test
    void showsWhatCanBeNoCharacterAsReplacement() {
        try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve("gpt2"))) {
            int[] ids =
                    byteIds(
                            tokenizer,
                            new byte[] {
                                (byte) 0xE4, (byte) 0xBD, 'a', (byte) 0xFF, 'b', (byte) 0xF0
                            });
            Detokenizer detokenizer = tokenizer.detokenizer(true);
            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                text.append(detokenizer.append(id));
            }
            assertEquals("\uFFFDa\uFFFDb", text.toString());
            assertEquals("\uFFFD", detokenizer.finish());
            assertEquals(tokenizer.decode(ids, true), text + "\uFFFD");
            assertEquals("", detokenizer.finish(), "nothing is held back twice");
        }
    }

    /**
     * Any ids at all: the pieces make up the library's own decoding of the whole (byte-level
     * families).
     */
    @Test
    void piecesMakeUpTheWholeForRandomIds() {
        for (String family : new String[] {"llama3", "qwen2", "gpt2"}) {
            try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve(family))) {
                for (long seed = 0; seed < 200; seed++) {
                    int[] ids = new Random(seed).ints(40, 0, tokenizer.vocabularySize()).toArray();
                    for (boolean skip : new boolean[] {true, false}) {
                        Detokenizer detokenizer = tokenizer.detokenizer(skip);
                        StringBuilder text = new StringBuilder();
                        for (int id : ids) {
                            String piece = detokenizer.append(id);
                            assertFalse(
                                    endsInsideCharacter(piece), "a split character, seed " + seed);
                            text.append(piece);
                        }
                        text.append(detokenizer.finish());
                        assertEquals(
                                tokenizer.decode(ids, skip),
                                text.toString(),
                                family + " seed " + seed);
                    }
                }
            }
        }
    }

    @Test
    void specialTokensShowOnlyWhenAskedFor() {
        try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve("qwen2"))) {
            int end = tokenizer.tokenId("<|im_end|>").orElseThrow();
            int think = tokenizer.tokenId("<think>").orElseThrow();
            assertTrue(tokenizer.isSpecial(end));
            assertTrue(tokenizer.specialTokenIds().get(end));
            assertFalse(tokenizer.isSpecial(think), "added, but not special");
            assertEquals("", tokenizer.detokenizer(true).append(end));
            assertEquals("<|im_end|>", tokenizer.detokenizer(false).append(end));
            assertEquals("<think>", tokenizer.detokenizer(true).append(think));
            assertTrue(tokenizer.tokenId("no such token").isEmpty());
        }
    }

    @Test
    void tokenBytesKeepPartsOfCharactersAndLeadingSpaces() {
        try (HfTokenizer gpt2 = HfTokenizer.load(GOLDENS.resolve("gpt2"));
                HfTokenizer llama2 = HfTokenizer.load(GOLDENS.resolve("llama2"))) {
            assertArrayEquals(
                    new byte[] {(byte) 0xF0},
                    gpt2.tokenBytes(byteIds(gpt2, new byte[] {(byte) 0xF0})[0]));
            assertEquals("\uFFFD", gpt2.tokenText(byteIds(gpt2, new byte[] {(byte) 0xF0})[0]));
            assertArrayEquals(
                    " ".getBytes(StandardCharsets.UTF_8),
                    llama2.tokenBytes(llama2.tokenId("\u2581").orElseThrow()));
            assertArrayEquals(
                    new byte[] {'\n'}, llama2.tokenBytes(llama2.tokenId("<0x0A>").orElseThrow()));
        }
    }

    @Test
    void refusesIdsOutsideTheVocabulary() {
        try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve("gpt2"))) {
            int size = tokenizer.vocabularySize();
            assertTrue(
                    assertThrows(
                                    IndexOutOfBoundsException.class,
                                    () -> tokenizer.detokenizer(true).append(size))
                            .getMessage()
                            .contains(String.valueOf(size)));
            assertThrows(
                    IndexOutOfBoundsException.class, () -> tokenizer.decode(new int[] {-1}, true));
            assertEquals("", tokenizer.decode(new int[0], true));
        }
    }

    @Test
    void encodesLongTextWhole() {
        try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve("gpt2"))) {
            String text = "one two three ".repeat(20_000);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, true), true));
        }
    }

    @Test
    void truncationAndPaddingInTheFileAreIgnored(@TempDir Path dir) throws IOException {
        String json = Files.readString(GOLDENS.resolve("gpt2/tokenizer.json"));
        String asking =
                json.replaceFirst(
                                "\"truncation\": *null",
                                """
                                "truncation": {"direction": "Right", "max_length": 3,
                                "strategy": "LongestFirst", "stride": 0}\
                                """)
                        .replaceFirst(
                                "\"padding\": *null",
                                """
                                "padding": {"strategy": {"Fixed": 9}, "direction": "Right",
                                "pad_to_multiple_of": null,
                                "pad_id": 0, "pad_type_id": 0, "pad_token": "!"}\
                                """);
        assertTrue(
                asking.contains("max_length") && asking.contains("pad_id"),
                "the file asks for both");
        Files.writeString(dir.resolve("tokenizer.json"), asking);
        try (HfTokenizer asked = HfTokenizer.load(dir);
                HfTokenizer plain = HfTokenizer.load(GOLDENS.resolve("gpt2"))) {
            for (String text : new String[] {"a", "a much longer text than three tokens"}) {
                assertArrayEquals(plain.encode(text, true), asked.encode(text, true));
            }
        }
    }

    @Test
    void halfASurrogatePairIsReplaced() {
        try (HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve("gpt2"))) {
            assertEquals("a\uFFFDb", tokenizer.decode(tokenizer.encode("a\uD83Db", false), true));
        }
    }

    @Test
    void missingOrBrokenFilesAreNamed(@TempDir Path dir) throws IOException {
        UncheckedIOException missing =
                assertThrows(UncheckedIOException.class, () -> HfTokenizer.load(dir));
        assertTrue(
                missing.getMessage().contains(dir.resolve("tokenizer.json").toString()),
                missing.getMessage());
        String[] broken = {
            "",
            "[]",
            "{\"model\": ",
            "{}",
            "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"x y\"]}}",
            "{\"model\": {\"vocab\": {\"a\": -1}}}",
            "{\"model\": {\"vocab\": {\"a\": 0}}, \"decoder\": {\"type\": \"CTC\"}}"
        };
        for (String json : broken) {
            Files.writeString(dir.resolve("tokenizer.json"), json);
            UncheckedIOException e =
                    assertThrows(UncheckedIOException.class, () -> HfTokenizer.load(dir), json);
            assertTrue(
                    e.getMessage().contains(dir.resolve("tokenizer.json").toString()),
                    e.getMessage());
        }
    }

    @Test
    void closedTokenizerSaysSo() {
        HfTokenizer tokenizer = HfTokenizer.load(GOLDENS.resolve("gpt2"));
        tokenizer.close();
        tokenizer.close();
        assertTrue(
                assertThrows(IllegalStateException.class, () -> tokenizer.encode("a", true))
                        .getMessage()
                        .contains("closed"));
    }

    private static boolean endsInsideCharacter(String piece) {
        return !piece.isEmpty() && Character.isHighSurrogate(piece.charAt(piece.length() - 1));
    }

    private static int[] byteIds(HfTokenizer tokenizer, byte[] bytes) {
        int[] ids = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            byte[] one = {bytes[i]};
            for (int id = 0; id < tokenizer.vocabularySize(); id++) {
                if (Arrays.equals(tokenizer.tokenBytes(id), one)) {
                    ids[i] = id;
                    break;
                }
            }
        }
        return ids;
    }
}
