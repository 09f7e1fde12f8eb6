package dev.millrace.ops.gateway;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/**
 * A stream of lines that another thread may end early: behind a line's end, as if the file were no
 * longer, or at once with an error.
 */
final class WholeLines extends FilterInputStream {
    private volatile boolean ending;
    private volatile boolean aborted;
    private boolean insideLine;

    WholeLines(InputStream in) {
        super(in);
    }

    /** Ends the stream behind the line that is being read. */
    void end() {
        ending = true;
    }

    /** Makes the next read fail. */
    void abort() {
        aborted = true;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (aborted) {
            throw new IOException("the gateway is stopping");
        }
        boolean last = ending;
        if (last && !insideLine) {
            return -1;
        }
        int count = in.read(target, offset, length);
        if (count <= 0) {
            return count;
        }
        for (int i = offset; last && i < offset + count; i++) {
            if (target[i] == '\n') {
                insideLine = false;
                return i - offset + 1;
            }
        }
        insideLine = target[offset + count - 1] != '\n';
        return count;
    }
}
