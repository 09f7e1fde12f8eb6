package dev.millrace.ops.gateway;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a {@code multipart/form-data} body as a stream (RFC 7578, RFC 2046 §5.1): one buffer,
 * whatever the size of the parts and wherever the boundary is split between reads.
 *
 * <pre>
 * --boundary CRLF headers CRLF CRLF content CRLF --boundary … CRLF --boundary-- epilogue
 * </pre>
 */
final class MultipartReader {
    /** A body that is no multipart, or ends too early. */
    static final class MalformedException extends IOException {
        private static final long serialVersionUID = 1L;

        MalformedException(String message) {
            super(message);
        }
    }

    /**
     * A part; its content is read from {@link #content} before the next part is asked for.
     *
     * @param fileName null for a plain field
     */
    record Part(String name, String fileName, InputStream content) {}

    private static final int BUFFER_BYTES = 1 << 16;
    private static final int HEADER_BYTES_MAX = 16 << 10;
    private static final int BOUNDARY_CHARS_MAX = 70;
    private static final Pattern BOUNDARY =
            Pattern.compile(
                    ";\\s*boundary=(?:\"([^\"]+)\"|([^\\s;\"]+))", Pattern.CASE_INSENSITIVE);
    private static final Pattern PARAMETER =
            Pattern.compile(";\\s*(name|filename)=(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^\\s;\"]+))");

    private final InputStream in;
    private final byte[] delimiter;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;
    private boolean inPart = true;

    /**
     * @param boundary as the content type names it
     */
    MultipartReader(InputStream in, String boundary) {
        this.in = in;
        this.delimiter = ("\r\n--" + boundary).getBytes(StandardCharsets.ISO_8859_1);
        // The first boundary has no line end before it; with one, it is like all others.
        buffer[limit++] = '\r';
        buffer[limit++] = '\n';
    }

    /** The boundary that a content type names, or null when it is none of multipart/form-data. */
    static String boundaryOf(String contentType) {
        if (contentType == null
                || !contentType.toLowerCase(Locale.ROOT).startsWith("multipart/form-data")) {
            return null;
        }
        Matcher matcher = BOUNDARY.matcher(contentType);
        if (!matcher.find()) {
            return null;
        }
        String boundary = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        return boundary.length() > BOUNDARY_CHARS_MAX ? null : boundary;
    }

    /**
     * The next part, or null behind the last. What was not read of the part before is passed over.
     */
    Part next() throws IOException {
        byte[] skipped = new byte[BUFFER_BYTES];
        while (readContent(skipped, 0, skipped.length) >= 0) {
            // Passed over: the rest of a part, or what stands before the first.
        }
        need(delimiter.length + 2, "the body ends without a closing boundary");
        position += delimiter.length;
        if (buffer[position] == '-' && buffer[position + 1] == '-') {
            return null;
        }
        skipLineEnd();
        String headers = readHeaders();
        inPart = true;
        return part(headers);
    }

    private void skipLineEnd() throws IOException {
        while (buffer[position] == ' ' || buffer[position] == '\t') {
            position++;
            need(2, "the body ends in a boundary");
        }
        if (buffer[position] != '\r' || buffer[position + 1] != '\n') {
            throw new MalformedException("a boundary is not followed by a line end");
        }
        // The line end stays: readHeaders looks for an empty line, which may follow at once.
    }

    private String readHeaders() throws IOException {
        int end = position;
        while (true) {
            if (end + 4 <= limit) {
                boolean empty =
                        buffer[end] == '\r'
                                && buffer[end + 1] == '\n'
                                && buffer[end + 2] == '\r'
                                && buffer[end + 3] == '\n';
                if (empty) {
                    break;
                }
                end++;
                if (end - position > HEADER_BYTES_MAX) {
                    throw new MalformedException(
                            "a part's headers are longer than " + HEADER_BYTES_MAX + " bytes");
                }
            } else {
                int seen = end - position;
                need(limit - position + 1, "the body ends within a part's headers");
                end = position + seen;
            }
        }
        String headers = new String(buffer, position, end - position, StandardCharsets.UTF_8);
        position = end + 4;
        return headers;
    }

    private Part part(String headers) throws MalformedException {
        for (String line : headers.split("\r\n")) {
            int colon = line.indexOf(':');
            if (colon > 0
                    && line.substring(0, colon).strip().equalsIgnoreCase("content-disposition")) {
                return part(line.substring(colon + 1), new Content());
            }
        }
        throw new MalformedException("a part has no Content-Disposition");
    }

    private static Part part(String disposition, InputStream content) throws MalformedException {
        String name = null;
        String fileName = null;
        Matcher matcher = PARAMETER.matcher(disposition);
        while (matcher.find()) {
            String quoted = matcher.group(2);
            String value = quoted == null ? matcher.group(3) : quoted.replaceAll("\\\\(.)", "$1");
            if (matcher.group(1).equals("name")) {
                name = value;
            } else {
                // Browsers and WHATWG clients escape these three and nothing else.
                fileName = value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
            }
        }
        if (name == null) {
            throw new MalformedException("a part has no name");
        }
        return new Part(name, fileName, content);
    }

    /** Content of the current part up to the next delimiter; -1 at its end. */
    private int readContent(byte[] target, int offset, int length) throws IOException {
        if (!inPart) {
            return -1;
        }
        while (true) {
            int found = indexOfDelimiter();
            if (found == position) {
                inPart = false;
                return -1;
            }
            // Without a delimiter in sight, one may still begin in the last bytes.
            int safe = found >= 0 ? found : limit - delimiter.length + 1;
            if (safe > position) {
                int count = Math.min(length, safe - position);
                System.arraycopy(buffer, position, target, offset, count);
                position += count;
                return count;
            }
            need(limit - position + 1, "the body ends within a part");
        }
    }

    private int indexOfDelimiter() {
        int last = limit - delimiter.length;
        for (int i = position; i <= last; i++) {
            if (buffer[i] == '\r' && delimiterAt(i)) {
                return i;
            }
        }
        return -1;
    }

    private boolean delimiterAt(int start) {
        for (int i = 1; i < delimiter.length; i++) {
            if (buffer[start + i] != delimiter[i]) {
                return false;
            }
        }
        return true;
    }

    /** Sees to it that so many bytes lie in the buffer from the position on. */
    private void need(int bytes, String otherwise) throws IOException {
        if (limit - position >= bytes) {
            return;
        }
        if (position > 0) {
            System.arraycopy(buffer, position, buffer, 0, limit - position);
            limit -= position;
            position = 0;
        }
        while (limit < bytes) {
            int count = in.read(buffer, limit, buffer.length - limit);
            if (count < 0) {
                throw new MalformedException(otherwise);
            }
            limit += count;
        }
    }

    private final class Content extends InputStream {
        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return readContent(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            return length == 0 ? 0 : readContent(target, offset, length);
        }
    }
}
