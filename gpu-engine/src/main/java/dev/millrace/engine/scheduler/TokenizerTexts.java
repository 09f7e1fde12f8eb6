package dev.millrace.engine.scheduler;

import dev.millrace.engine.structured.Vocabulary;
import dev.millrace.engine.tokenizer.Detokenizer;
import dev.millrace.engine.tokenizer.HfTokenizer;

/**
 * Texts of a checkpoint's tokenizer. A model's vocabulary may be padded beyond it; those tokens have no text.
 *
 * @param tokenizer closed with this
 */
public record TokenizerTexts(HfTokenizer tokenizer) implements TokenTexts {
    private static final byte[] NO_BYTES = {};

    @Override
    public TextAssembler assembler(boolean skipSpecialTokens) {
        Detokenizer detokenizer = tokenizer.detokenizer(skipSpecialTokens);
        return new TextAssembler() {
            @Override
            public String append(int tokenId) {
                return isKnown(tokenId) ? detokenizer.append(tokenId) : "";
            }

            @Override
            public String finish() {
                return detokenizer.finish();
            }
        };
    }

    @Override
    public String text(int tokenId) {
        return isKnown(tokenId) ? tokenizer.tokenText(tokenId) : "";
    }

    @Override
    public byte[] bytes(int tokenId) {
        return isKnown(tokenId) ? tokenizer.tokenBytes(tokenId) : NO_BYTES;
    }

    @Override
    public Vocabulary vocabulary() {
        return new Vocabulary() {
            @Override
            public int size() {
                return tokenizer.vocabularySize();
            }

            @Override
            public byte[] bytes(int tokenId) {
                return isKnown(tokenId) && !tokenizer.isSpecial(tokenId)
                        ? tokenizer.tokenBytes(tokenId)
                        : NO_BYTES;
            }

            @Override
            public int[] encode(String text) {
                return tokenizer.encode(text, false);
            }

            @Override
            public boolean stripsFirstSpace() {
                return tokenizer.stripsFirstSpace();
            }
        };
    }

    @Override
    public void close() {
        tokenizer.close();
    }

    private boolean isKnown(int tokenId) {
        return tokenId < tokenizer.vocabularySize();
    }
}
