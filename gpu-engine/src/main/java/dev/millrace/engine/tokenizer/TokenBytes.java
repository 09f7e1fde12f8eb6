package dev.millrace.engine.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * The bytes that a token stands for, after the {@code decoder} of tokenizer.json. Two families
 * exist among language models: byte-level BPE (GPT-2's table of printable characters for the 256
 * bytes) and SentencePiece (U+2581 for a space, {@code <0xE4>} for a byte that no token covers). A
 * file that decodes in another way is refused.
 *
 * @param byteLevel tokens are written in GPT-2's table
 * @param byteFallback tokens of the form {@code <0xNN>} are single bytes
 * @param stripsFirstSpace one space at the very start of a text is not shown
 * @param replacements texts that stand for others inside tokens
 */
record TokenBytes(
        boolean byteLevel,
        boolean byteFallback,
        boolean stripsFirstSpace,
        List<Map.Entry<String, String>> replacements) {
    private static final int[] BYTE_OF_CHAR = byteTable();

    /**
     * @param decoder the file's decoder, or null where it has none
     */
    static TokenBytes of(JsonNode decoder) throws IOException {
        Builder builder = new Builder();
        if (decoder != null && !decoder.isNull()) {
            builder.read(decoder);
        }
        return new TokenBytes(
                builder.byteLevel,
                builder.byteFallback,
                builder.stripsFirstSpace,
                List.copyOf(builder.replacements));
    }

    /** Bytes of a token, in the context of a longer text: the first space is still there. */
    byte[] bytes(String token) {
        if (byteLevel) {
            return byteLevelBytes(token);
        }
        if (byteFallback && isByteToken(token)) {
            return new byte[] {(byte) HexFormat.fromHexDigits(token, 3, 5)};
        }
        String text = token;
        for (Map.Entry<String, String> replacement : replacements) {
            text = text.replace(replacement.getKey(), replacement.getValue());
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static boolean isByteToken(String token) {
        return token.length() == 6
                && token.startsWith("<0x")
                && token.charAt(5) == '>'
                && HexFormat.isHexDigit(token.charAt(3))
                && HexFormat.isHexDigit(token.charAt(4));
    }

    /**
     * A token with a character outside the table (an added token, as a rule) stands for its own
     * UTF-8.
     */
    private static byte[] byteLevelBytes(String token) {
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            char c = token.charAt(i);
            int value = c < BYTE_OF_CHAR.length ? BYTE_OF_CHAR[c] : -1;
            if (value < 0) {
                return token.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) value;
        }
        return bytes;
    }

    /**
     * GPT-2's table: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up, in
     * their order.
     */
    private static int[] byteTable() {
        int[] table = new int[0x144];
        Arrays.fill(table, -1);
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean itself = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            table[itself ? b : next++] = b;
        }
        return table;
    }

    private static final class Builder {
        private boolean byteLevel;
        private boolean byteFallback;
        private boolean stripsFirstSpace;
        private final List<Map.Entry<String, String>> replacements = new ArrayList<>();

        private void read(JsonNode decoder) throws IOException {
            String type = decoder.path("type").asText();
            switch (type) {
                case "Sequence" -> {
                    for (JsonNode part : decoder.path("decoders")) {
                        read(part);
                    }
                }
                case "ByteLevel" -> byteLevel = true;
                case "ByteFallback" -> byteFallback = true;
                case "Fuse" -> {}
                case "Replace" -> readReplace(decoder);
                case "Strip" -> readStrip(decoder);
                case "Metaspace" -> {
                    replacements.add(Map.entry(decoder.path("replacement").asText("\u2581"), " "));
                    boolean older = decoder.path("add_prefix_space").asBoolean(true);
                    stripsFirstSpace |=
                            older
                                    && !decoder.path("prepend_scheme")
                                            .asText("always")
                                            .equals("never");
                }
                default ->
                        throw new IOException(
                                "its decoder is of type "
                                        + type
                                        + "; known are ByteLevel, ByteFallback, Metaspace, Replace,"
                                        + " Strip, Fuse and sequences of them");
            }
        }

        private void readReplace(JsonNode decoder) throws IOException {
            JsonNode pattern = decoder.path("pattern").path("String");
            if (!pattern.isTextual()) {
                throw new IOException(
                        "its decoder replaces by a regular expression, which is not supported");
            }
            replacements.add(Map.entry(pattern.textValue(), decoder.path("content").asText()));
        }

        private void readStrip(JsonNode decoder) throws IOException {
            boolean oneSpace =
                    decoder.path("content").asText().equals(" ")
                            && decoder.path("start").asInt() == 1
                            && decoder.path("stop").asInt() == 0;
            if (!oneSpace) {
                throw new IOException(
                        "its decoder strips " + decoder + "; known is one space at the start");
            }
            stripsFirstSpace = true;
        }
    }
}
