package dev.millrace.engine.scheduler;

import dev.millrace.engine.structured.Vocabulary;

/** What the engine needs of a tokenizer: text out of tokens. */
public interface TokenTexts extends AutoCloseable {

    /** A fresh assembler for one choice. */
    TextAssembler assembler(boolean skipSpecialTokens);

    /** The text of one token by itself; bytes that are no text show as U+FFFD. */
    String text(int tokenId);

    /** The bytes of one token. */
    byte[] bytes(int tokenId);

    /** What constraints need to know of the tokens; null where tokens have no text. */
    default Vocabulary vocabulary() {
        return null;
    }

    /** Frees the tokenizer; the engine calls it when it is closed. */
    @Override
    default void close() {}
}
