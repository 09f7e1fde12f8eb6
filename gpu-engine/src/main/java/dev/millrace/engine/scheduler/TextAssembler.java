package dev.millrace.engine.scheduler;

/** Turns the tokens of one choice into text as they come, without ever splitting a code point. */
public interface TextAssembler {

    /** The text that became certain with this token; empty while it may still be part of a character. */
    String append(int tokenId);

    /** What is left at the end; bytes that never became a character show as U+FFFD. */
    String finish();
}
