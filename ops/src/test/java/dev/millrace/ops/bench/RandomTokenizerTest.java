package dev.millrace.ops.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.tokenizer.HfTokenizer;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;

class RandomTokenizerTest {
    @TempDir Path dir;

    @Test
    void whatItWritesIsReadAndTextComesBack() throws IOException {
        new RandomTokenizer().write(dir);
        try (HfTokenizer tokenizer = HfTokenizer.load(dir)) {
            assertEquals(Shape.VOCABULARY, tokenizer.vocabularySize());
            for (String text :
                    new String[] {"the cat sat", " A  b\n\tc!", "Grüße, 水車 🙂", "0123 zzzz"}) {
                int[] ids = tokenizer.encode(text, false);
                assertEquals(text, tokenizer.decode(ids, false));
            }
            assertTrue(tokenizer.encode("the cat", false).length < "the cat".length());
            assertTrue(tokenizer.isSpecial(RandomTokenizer.END_OF_TEXT));
            assertEquals(
                    RandomTokenizer.END_OF_TEXT,
                    tokenizer.tokenId("<|end_of_text|>").orElseThrow());
        }
    }
}
