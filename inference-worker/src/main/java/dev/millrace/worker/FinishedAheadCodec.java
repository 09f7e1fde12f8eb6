package dev.millrace.worker;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * The finished-ahead set as the metadata string of a committed offset.
 *
 * <pre>
 * base64url without padding of:
 *   byte 0..1   magic "MR"
 *   byte 2      version, 1
 *   byte 3      encoding: 'r' runs, 'b' bitmap; whichever is shorter
 *   byte 4..7   CRC-32 of all other bytes, big-endian
 *   varint      the committed offset that the set belongs to
 *   varint      how far above it jobs may be answered and not in the set (during a replay); mostly 0
 *   runs        varint pairs: gap since the end of the last run (or the committed offset), length
 *   bitmap      bit i (lowest of each byte first) is committed offset + i; no zero bytes at the end
 * </pre>
 *
 * The broker limits the string in characters (offset.metadata.max.bytes, 4,096), hence a text
 * alphabet and lengths in characters. A worker writes the string with every commit, also for an
 * empty set, so that its absence means that somebody else has moved the offset (a reset tool, a
 * mirror).
 */
public final class FinishedAheadCodec {
    private static final byte MAGIC_0 = 'M';
    private static final byte MAGIC_1 = 'R';
    private static final byte VERSION = 1;
    private static final byte RUNS = 'r';
    private static final byte BITMAP = 'b';
    private static final int CRC_AT = 4;
    private static final int HEADER_BYTES = 8;
    private static final int MAX_VARINT_BYTES = 9;

    private FinishedAheadCodec() {}

    /**
     * What a metadata string says.
     *
     * @param finishedAhead null when it cannot be trusted
     * @param replayUntil jobs below this offset may have been answered although they are not in the
     *     set, because an earlier set was lost and the replay after that had not come to its end
     * @param problem why there is no set; null when there is
     */
    public record Inspection(FinishedAhead finishedAhead, long replayUntil, String problem) {}

    /**
     * The set that belongs to a committed offset; empty when the string is missing, foreign or
     * corrupt.
     */
    public static Optional<FinishedAhead> decode(long committedOffset, String metadata) {
        return Optional.ofNullable(inspect(committedOffset, metadata).finishedAhead());
    }

    /** Like {@link #decode}, with the reason when there is no set. */
    public static Inspection inspect(long committedOffset, String metadata) {
        if (metadata == null || metadata.isEmpty()) {
            return new Inspection(null, 0, "there is no metadata");
        }
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(metadata);
            return parse(committedOffset, bytes);
        } catch (IllegalArgumentException e) {
            return new Inspection(null, 0, e.getMessage());
        }
    }

    /**
     * @param committedOffset below or at the first run's start
     * @param replayUntil see {@link Inspection}; anything up to the committed offset means that no
     *     replay is under way
     */
    public static String encode(
            long committedOffset, FinishedAhead finishedAhead, long replayUntil) {
        byte[] runs = runs(committedOffset, finishedAhead);
        long span = finishedAhead.endOr(committedOffset) - committedOffset;
        boolean asBitmap = bitmapBytes(span) < runs.length;
        byte[] payload = asBitmap ? bitmap(committedOffset, finishedAhead) : runs;
        ByteBuffer out = ByteBuffer.allocate(HEADER_BYTES + 2 * MAX_VARINT_BYTES + payload.length);
        out.put(MAGIC_0).put(MAGIC_1).put(VERSION).put(asBitmap ? BITMAP : RUNS).putInt(0);
        putVarint(out, committedOffset);
        putVarint(out, Math.max(0, replayUntil - committedOffset));
        out.put(payload);
        out.putInt(CRC_AT, crc(out.array(), out.position()));
        out.flip();
        return new String(
                Base64.getUrlEncoder().withoutPadding().encode(out).array(),
                StandardCharsets.ISO_8859_1);
    }

    /**
     * An upper bound of {@link #encode}'s length for any set over {@code span} offsets with at most
     * {@code runs} runs. Costs nothing, so admission can ask for every record.
     */
    static long maxChars(long span, long runs) {
        long payload = Math.min(bitmapBytes(span), runs * 2 * varintBytes(span));
        return charsFor(HEADER_BYTES + 2 * MAX_VARINT_BYTES + payload);
    }

    private static Inspection parse(long committedOffset, byte[] bytes) {
        check(
                bytes.length > HEADER_BYTES && bytes[0] == MAGIC_0 && bytes[1] == MAGIC_1,
                "it does not begin with the magic bytes MR");
        check(bytes[2] == VERSION, "its version is " + bytes[2] + ", not " + VERSION);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        check(in.getInt(CRC_AT) == crc(bytes, bytes.length), "its CRC does not match");
        in.position(HEADER_BYTES);
        long base = getVarint(in);
        check(base == committedOffset, "it belongs to offset " + base + ", not " + committedOffset);
        long replayUntil = base + getVarint(in);
        FinishedAhead finishedAhead =
                switch (bytes[3]) {
                    case RUNS -> parseRuns(base, in);
                    case BITMAP -> parseBitmap(base, in);
                    default -> throw new IllegalArgumentException("its encoding is " + bytes[3]);
                };
        return new Inspection(finishedAhead, replayUntil, null);
    }

    private static FinishedAhead parseRuns(long base, ByteBuffer in) {
        FinishedAhead.Builder runs = new FinishedAhead.Builder();
        long end = base;
        while (in.hasRemaining()) {
            long start = end + getVarint(in);
            end = start + getVarint(in);
            check(base <= start && start < end, "a run in it is empty or out of range");
            runs.add(start, end);
        }
        return runs.build();
    }

    private static FinishedAhead parseBitmap(long base, ByteBuffer in) {
        FinishedAhead.Builder runs = new FinishedAhead.Builder();
        for (long offset = base; in.hasRemaining(); offset += Byte.SIZE) {
            int bits = in.get() & 0xff;
            for (int i = 0; i < Byte.SIZE; i++) {
                if ((bits >>> i & 1) == 1) {
                    runs.add(offset + i, offset + i + 1);
                }
            }
        }
        return runs.build();
    }

    private static byte[] runs(long base, FinishedAhead set) {
        ByteBuffer out = ByteBuffer.allocate(set.numRuns() * 2 * MAX_VARINT_BYTES);
        long end = base;
        for (int run = 0; run < set.numRuns(); run++) {
            putVarint(out, set.runStart(run) - end);
            putVarint(out, set.runEnd(run) - set.runStart(run));
            end = set.runEnd(run);
        }
        byte[] bytes = new byte[out.position()];
        out.flip().get(bytes);
        return bytes;
    }

    private static byte[] bitmap(long base, FinishedAhead set) {
        byte[] bytes = new byte[Math.toIntExact(bitmapBytes(set.endOr(base) - base))];
        for (int run = 0; run < set.numRuns(); run++) {
            for (long offset = set.runStart(run); offset < set.runEnd(run); offset++) {
                int bit = (int) (offset - base);
                bytes[bit / Byte.SIZE] |= (byte) (1 << bit % Byte.SIZE);
            }
        }
        return bytes;
    }

    private static int crc(byte[] bytes, int length) {
        CRC32 crc = new CRC32();
        crc.update(bytes, 0, CRC_AT);
        crc.update(bytes, HEADER_BYTES, length - HEADER_BYTES);
        return (int) crc.getValue();
    }

    private static void putVarint(ByteBuffer out, long value) {
        check(value >= 0, "a set cannot hold the offset distance " + value);
        for (; (value & ~0x7fL) != 0; value >>>= 7) {
            out.put((byte) (value | 0x80));
        }
        out.put((byte) value);
    }

    private static long getVarint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < 63; shift += 7) {
            check(in.hasRemaining(), "it ends in the middle of a number");
            byte b = in.get();
            value |= (b & 0x7fL) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("a number in it is too long");
    }

    private static long bitmapBytes(long span) {
        return (span + Byte.SIZE - 1) / Byte.SIZE;
    }

    private static int varintBytes(long value) {
        return Math.max(1, (Long.SIZE - Long.numberOfLeadingZeros(value) + 6) / 7);
    }

    private static long charsFor(long bytes) {
        return (bytes * 4 + 2) / 3;
    }

    private static void check(boolean holds, String problem) {
        if (!holds) {
            throw new IllegalArgumentException(problem);
        }
    }
}
