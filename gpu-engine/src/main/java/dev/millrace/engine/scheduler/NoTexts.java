package dev.millrace.engine.scheduler;

/** No tokenizer: every token's text is empty. For engines that are fed and read as token ids. */
public final class NoTexts implements TokenTexts {
    private static final TextAssembler EMPTY =
            new TextAssembler() {
                @Override
                public String append(int tokenId) {
                    return "";
                }

                @Override
                public String finish() {
                    return "";
                }
            };

    @Override
    public TextAssembler assembler(boolean skipSpecialTokens) {
        return EMPTY;
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
