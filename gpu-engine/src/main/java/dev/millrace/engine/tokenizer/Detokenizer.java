package dev.millrace.engine.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Text of a growing sequence of tokens. Works on bytes, so each token costs what its own bytes
 * cost, however long the text before it, and a character that is spread over tokens is held back
 * until it is whole. Text once given out never changes. Bytes that cannot be UTF-8 show as U+FFFD.
 * One per sequence; not thread-safe.
 */
public final class Detokenizer {
    private static final char REPLACEMENT = '\uFFFD';

    private final HfTokenizer tokenizer;
    private final boolean skipSpecialTokens;
    private final boolean oneReplacementPerByte;
    private final CharsetDecoder utf8 =
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT);

    /** The start of a character whose rest has not come; at most 3 bytes. */
    private byte[] pending = new byte[0];

    private boolean dropNextSpace;

    Detokenizer(HfTokenizer tokenizer, TokenBytes rules, boolean skipSpecialTokens) {
        this.tokenizer = tokenizer;
        this.skipSpecialTokens = skipSpecialTokens;
        this.oneReplacementPerByte = rules.byteFallback();
        this.dropNextSpace = rules.stripsFirstSpace();
    }

    /**
     * Takes the next token and returns the text that may be shown now: empty while a character is
     * incomplete.
     *
     * @throws IndexOutOfBoundsException when the id is outside the vocabulary
     */
    public String append(int tokenId) {
        if (skipSpecialTokens && tokenizer.isSpecial(tokenId)) {
            return "";
        }
        String whole = pending.length == 0 ? tokenizer.wholeText(tokenId) : "";
        return whole.isEmpty()
                ? show(tokenizer.rawBytes(tokenId), false)
                : withoutFirstSpace(whole);
    }

    /** Ends the text; returns what was held back, as replacement characters. */
    public String finish() {
        return pending.length == 0 ? "" : show(new byte[0], true);
    }

    private String show(byte[] bytes, boolean last) {
        byte[] all = bytes;
        if (pending.length > 0) {
            all = new byte[pending.length + bytes.length];
            System.arraycopy(pending, 0, all, 0, pending.length);
            System.arraycopy(bytes, 0, all, pending.length, bytes.length);
        }
        ByteBuffer in = ByteBuffer.wrap(all);
        CharBuffer out =
                CharBuffer.allocate(all.length); // UTF-16 never has more units than UTF-8 has bytes
        utf8.reset();
        CoderResult result = utf8.decode(in, out, last);
        while (result.isError()) {
            int replaced = oneReplacementPerByte ? result.length() : 1;
            for (int i = 0; i < replaced; i++) {
                out.put(REPLACEMENT);
            }
            in.position(in.position() + result.length());
            utf8.reset();
            result = utf8.decode(in, out, last);
        }
        pending = new byte[in.remaining()];
        in.get(pending);
        return withoutFirstSpace(out.flip().toString());
    }

    private String withoutFirstSpace(String text) {
        if (!dropNextSpace || text.isEmpty()) {
            return text;
        }
        dropNextSpace = false;
        return text.charAt(0) == ' ' ? text.substring(1) : text;
    }
}
