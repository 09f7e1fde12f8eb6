package dev.millrace.engine.scheduler;

/** Tokens without text, where only their ids matter. */
public final class SilentTexts implements TokenTexts {

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
