package dev.millrace.schemas.serde;

import java.io.EOFException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/**
 * Avro's binary encoding out of a byte array, with every length checked against the bytes that are left
 * before anything is allocated: a broken length in a poison record must be an error, not an OutOfMemoryError
 * that stops the process. Reusable; for one thread. Encoding: avro.apache.org, specification, "Binary
 * Encoding".
 */
final class WireDecoder extends Decoder {
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class,
            ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class,
            ByteOrder.LITTLE_ENDIAN);
    /** Items of null or of an empty record take no bytes, so a few more items than bytes are believed. */
    private static final int EMPTY_ITEMS_MAX = 1 << 16;

    private byte[] buffer;
    private int index;
    private int end;

    /** Reads from {@code buffer[start, end)} from now on. */
    WireDecoder reset(byte[] buffer, int start, int end) {
        this.buffer = buffer;
        this.index = start;
        this.end = end;
        return this;
    }

    /** Lets go of the bytes. */
    void clear() {
        buffer = null;
    }

    /** Bytes not read yet. */
    int remaining() {
        return end - index;
    }

    private int take(long length) throws EOFException {
        if (length < 0) {
            throw new AvroRuntimeException("negative length " + length);
        }
        if (length > end - index) {
            throw new EOFException("needs " + length + " more bytes where " + (end - index) + " are left");
        }
        int at = index;
        index += (int) length;
        return at;
    }

    @Override
    public void readNull() {}

    @Override
    public boolean readBoolean() throws IOException {
        return buffer[take(1)] == 1;
    }

    @Override
    public int readInt() throws IOException {
        long value = readLong();
        if (value != (int) value) {
            throw new AvroRuntimeException("number " + value + " does not fit an int");
        }
        return (int) value;
    }

    @Override
    public long readLong() throws IOException {
        long zigzag = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte b = buffer[take(1)];
            zigzag |= (long) (b & 0x7f) << shift;
            if (b >= 0) {
                return (zigzag >>> 1) ^ -(zigzag & 1);
            }
        }
        throw new AvroRuntimeException("a number longer than ten bytes");
    }

    @Override
    public float readFloat() throws IOException {
        return Float.intBitsToFloat((int) INT.get(buffer, take(Float.BYTES)));
    }

    @Override
    public double readDouble() throws IOException {
        return Double.longBitsToDouble((long) LONG.get(buffer, take(Double.BYTES)));
    }

    @Override
    public Utf8 readString(Utf8 old) throws IOException {
        long length = readLong();
        int at = take(length);
        byte[] bytes = new byte[(int) length];
        System.arraycopy(buffer, at, bytes, 0, bytes.length);
        return new Utf8(bytes);
    }

    @Override
    public String readString() throws IOException {
        long length = readLong();
        return new String(buffer, take(length), (int) length, StandardCharsets.UTF_8);
    }

    @Override
    public void skipString() throws IOException {
        take(readLong());
    }

    @Override
    public ByteBuffer readBytes(ByteBuffer old) throws IOException {
        long length = readLong();
        int at = take(length);
        byte[] bytes = new byte[(int) length];
        System.arraycopy(buffer, at, bytes, 0, bytes.length);
        return ByteBuffer.wrap(bytes);
    }

    @Override
    public void skipBytes() throws IOException {
        take(readLong());
    }

    @Override
    public void readFixed(byte[] bytes, int start, int length) throws IOException {
        System.arraycopy(buffer, take(length), bytes, start, length);
    }

    @Override
    public void skipFixed(int length) throws IOException {
        take(length);
    }

    @Override
    public int readEnum() throws IOException {
        return readInt();
    }

    @Override
    public int readIndex() throws IOException {
        return readInt();
    }

    @Override
    public long readArrayStart() throws IOException {
        return itemCount();
    }

    @Override
    public long arrayNext() throws IOException {
        return itemCount();
    }

    @Override
    public long readMapStart() throws IOException {
        return itemCount();
    }

    @Override
    public long mapNext() throws IOException {
        return itemCount();
    }

    /** A negative count is followed by the block's length in bytes, which only skipping needs. */
    private long itemCount() throws IOException {
        long count = readLong();
        if (count < 0) {
            readLong();
            count = -count;
        }
        if (count < 0 || count > (long) remaining() + EMPTY_ITEMS_MAX) {
            throw new EOFException("a block of " + count + " items where " + remaining() + " bytes are left");
        }
        return count;
    }

    @Override
    public long skipArray() throws IOException {
        return skipBlocks();
    }

    @Override
    public long skipMap() throws IOException {
        return skipBlocks();
    }

    /**
     * Skips whole blocks whose length is known; gives the count of the first block that must be skipped item
     * by item.
     */
    private long skipBlocks() throws IOException {
        long count = readLong();
        while (count < 0) {
            take(readLong());
            count = readLong();
        }
        if (count > (long) remaining() + EMPTY_ITEMS_MAX) {
            throw new EOFException("a block of " + count + " items where " + remaining() + " bytes are left");
        }
        return count;
    }
}
