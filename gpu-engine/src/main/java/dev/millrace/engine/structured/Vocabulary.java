package dev.millrace.engine.structured;

/** What constraints need of a tokenizer. Safe for use by several threads. */
public interface Vocabulary {
    /** Token ids are below it. */
    int size();

    /**
     * What a token adds to a text; empty for a token that must not stand in one (special tokens, ids
     * without a token). Not to be changed.
     */
    byte[] bytes(int tokenId);

    /** The tokens that the tokenizer itself makes of a text, without special ones. */
    int[] encode(String text);

    /** Whether one space at the very start of a text is not shown. */
    boolean stripsFirstSpace();
}
