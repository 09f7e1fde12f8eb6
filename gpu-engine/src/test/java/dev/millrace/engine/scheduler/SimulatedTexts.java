package dev.millrace.engine.scheduler;

import java.nio.charset.StandardCharsets;

/**
 * Tokens as one or two letters of a small alphabet, so that stop strings often lie across tokens.
 * Token 0 has no text.
 */
final class SimulatedTexts implements TokenTexts {
    static final int EOS = 0;

    static String textOf(int token) {
        if (token == EOS) {
            return "";
        }
        String first = String.valueOf((char) ('a' + token % 4));
        return token % 3 == 0 ? first + (char) ('a' + token / 4 % 4) : first;
    }

    /** Holds back every text by one token, as a detokenizer does inside a character. */
    @Override
    public TextAssembler assembler(boolean skipSpecialTokens) {
        return new TextAssembler() {
            private String held = "";

            @Override
            public String append(int tokenId) {
                String text = held;
                held = textOf(tokenId);
                if (tokenId % 2 == 0) {
                    text += held;
                    held = "";
                }
                return text;
            }

            @Override
            public String finish() {
                String rest = held;
                held = "";
                return rest;
            }
        };
    }

    @Override
    public String text(int tokenId) {
        return textOf(tokenId);
    }

    @Override
    public byte[] bytes(int tokenId) {
        return textOf(tokenId).getBytes(StandardCharsets.UTF_8);
    }
}
