package dev.millrace.engine.bench;

import dev.millrace.engine.scheduler.TextAssembler;
import dev.millrace.engine.scheduler.TokenTexts;

/** Tokens of models without a tokenizer. */
final class NoTexts implements TokenTexts {

    @Override
    public TextAssembler assembler(boolean skipSpecialTokens) {
        return new TextAssembler() {
            @Override
            public String append(int tokenId) {
                return "";
            }

            @Override
            public String finish() {
                return "";
            }
        };
    }

    @Override
    public String text(int tokenId) {
        return "";
    }

    @Override
    public byte[] bytes(int tokenId) {
        return new byte[0];
    }
}
