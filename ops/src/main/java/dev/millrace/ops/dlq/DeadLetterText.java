package dev.millrace.ops.dlq;

import dev.millrace.schemas.DeadLetter;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;

/**
 * A dead letter as people read it. The record's value may hold a prompt, so it is shown only when
 * asked for.
 */
public final class DeadLetterText {
    private static final int BYTES_PER_LINE = 16;

    private DeadLetterText() {}

    /** Everything but the value's bytes, unless {@code withValue}. */
    public static String describe(DeadLetter letter, boolean withValue) {
        StringBuilder text = new StringBuilder();
        line(text, "id", DeadLetterLog.idOf(letter));
        line(text, "reason", letter.getError().getCode());
        line(text, "message", printable(letter.getError().getMessage()));
        line(
                text,
                "field",
                letter.getError().getParam() == null ? "-" : letter.getError().getParam());
        line(text, "set aside", letter.getFailedAt() + " by " + letter.getFailedBy());
        line(text, "key", letter.getKey() == null ? "-" : shown(letter.getKey()));
        for (Map.Entry<String, ByteBuffer> header : new TreeMap<>(letter.getHeaders()).entrySet()) {
            line(text, "header", printable(header.getKey()) + " = " + shown(header.getValue()));
        }
        ByteBuffer value = letter.getValue();
        line(
                text,
                "value",
                value == null
                        ? "-"
                        : value.remaining()
                                + " bytes"
                                + (withValue ? "" : " (--show-value shows them)"));
        if (withValue && value != null) {
            dump(text, value.duplicate());
        }
        return text.toString();
    }

    /** One line of a list. */
    public static String row(DeadLetter letter) {
        String replay =
                letter.getHeaders().containsKey(DeadLetterReplay.REPLAY_OF)
                        ? " (failed again)"
                        : "";
        return String.format(
                "%-28s %-24s %-20s %-12s %s%s",
                DeadLetterLog.idOf(letter),
                letter.getFailedAt(),
                letter.getError().getCode(),
                letter.getFailedBy(),
                printable(letter.getError().getMessage()),
                replay);
    }

    /** Text where the bytes are printable text, else hexadecimal digits. */
    static String shown(ByteBuffer bytes) {
        try {
            CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(bytes.duplicate());
            if (text.chars().noneMatch(Character::isISOControl)) {
                return text.toString();
            }
        } catch (CharacterCodingException e) {
            return "0x" + hex(bytes);
        }
        return "0x" + hex(bytes);
    }

    /** Control characters would let a record write to the terminal. */
    static String printable(String text) {
        StringBuilder safe = new StringBuilder(text.length());
        text.codePoints()
                .forEach(c -> safe.appendCodePoint(Character.isISOControl(c) ? '\uFFFD' : c));
        return safe.toString();
    }

    private static String hex(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return HexFormat.of().formatHex(copy);
    }

    /** As {@code hexdump -C} does it. */
    private static void dump(StringBuilder text, ByteBuffer value) {
        for (int at = 0; value.hasRemaining(); at += BYTES_PER_LINE) {
            byte[] line = new byte[Math.min(BYTES_PER_LINE, value.remaining())];
            value.get(line);
            StringBuilder characters = new StringBuilder();
            for (byte b : line) {
                characters.append(b >= 32 && b < 127 ? (char) b : '.');
            }
            String hex = HexFormat.ofDelimiter(" ").formatHex(line);
            text.append(String.format("  %08x  %-47s  |%s|%n", at, hex, characters));
        }
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append(String.format("%-10s %s%n", name, value));
    }
}
