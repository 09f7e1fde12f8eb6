package dev.millrace.ingest.submit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads lines of strict UTF-8 with one growing buffer. A line that is too long is skipped without
 * being held, one that is not UTF-8 is reported as such: neither stops the reading. A byte order
 * mark at the start is passed over.
 */
final class LineReader {
    /**
     * A line, or what is wrong with it: exactly one of {@code text} and {@code problem} is null.
     */
    record Line(long number, String text, String problem) {}

    private static final int CHUNK_BYTES = 1 << 16;

    private final InputStream in;
    private final int lineBytesMax;
    private final CharsetDecoder utf8 = StandardCharsets.UTF_8.newDecoder();
    private final byte[] chunk = new byte[CHUNK_BYTES];
    private int chunkPosition;
    private int chunkLength;
    private byte[] line = new byte[CHUNK_BYTES];
    private long number;
    private long bytesRead;

    LineReader(InputStream in, int lineBytesMax) {
        this.in = in;
        this.lineBytesMax = lineBytesMax;
    }

    /** Bytes taken out of the stream so far. */
    long bytesRead() {
        return bytesRead;
    }

    /** Number of the last line returned. */
    long number() {
        return number;
    }

    /** The next line without its end, or null at the end of the stream. */
    Line next() throws IOException {
        long length = 0;
        while (true) {
            if (chunkPosition == chunkLength && !fill()) {
                return length == 0 ? null : line(length);
            }
            int end = chunkPosition;
            while (end < chunkLength && chunk[end] != '\n') {
                end++;
            }
            append(length, end);
            length += end - chunkPosition;
            boolean complete = end < chunkLength;
            chunkPosition = complete ? end + 1 : end;
            if (complete) {
                return line(length);
            }
        }
    }

    private boolean fill() throws IOException {
        chunkLength = Math.max(0, in.read(chunk));
        chunkPosition = 0;
        bytesRead += chunkLength;
        return chunkLength > 0;
    }

    /** Keeps the chunk's bytes up to {@code end}, as long as the line is within its bound. */
    private void append(long length, int end) {
        int added = end - chunkPosition;
        if (length + added > lineBytesMax) {
            return;
        }
        if (length + added > line.length) {
            line =
                    Arrays.copyOf(
                            line,
                            (int)
                                    Math.max(
                                            length + added,
                                            Math.min(lineBytesMax, 2L * line.length)));
        }
        System.arraycopy(chunk, chunkPosition, line, (int) length, added);
    }

    private Line line(long length) {
        number++;
        if (length > lineBytesMax) {
            return new Line(
                    number,
                    null,
                    "the line has " + length + " bytes; the limit is " + lineBytesMax);
        }
        int start =
                number == 1
                                && length >= 3
                                && line[0] == (byte) 0xEF
                                && line[1] == (byte) 0xBB
                                && line[2] == (byte) 0xBF
                        ? 3
                        : 0;
        ByteBuffer bytes = ByteBuffer.wrap(line, start, (int) length - start);
        try {
            return new Line(number, utf8.decode(bytes).toString(), null);
        } catch (CharacterCodingException e) {
            return new Line(
                    number, null, "the line is not UTF-8 (byte " + (bytes.position() + 1) + ")");
        }
    }
}
