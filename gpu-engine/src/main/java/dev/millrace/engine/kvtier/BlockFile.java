package dev.millrace.engine.kvtier;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * A block's image as a file, little-endian:
 *
 * <pre>
 * magic "MRKV" | version | identity [32] | key [16] | parent's key [16] | tokens: count, then each
 * image
 * CRC-32C over all before it
 * </pre>
 *
 * A file is read whole and believed only if every part is what the reader expects.
 */
final class BlockFile {
    private static final int MAGIC = 0x564B524D;
    private static final int VERSION = 1;
    private static final int CRC_BYTES = Integer.BYTES;

    private final BlockIdentity identity;
    private final long imageBytes;
    private final int blockSize;

    BlockFile(BlockIdentity identity, long imageBytes, int blockSize) {
        this.identity = identity;
        this.imageBytes = imageBytes;
        this.blockSize = blockSize;
    }

    /** The size of every file of this model. */
    long bytes() {
        return headerBytes() + imageBytes + CRC_BYTES;
    }

    /** Writes a file that must not exist yet. */
    void write(Path file, BlockContent content, MemorySegment image) throws IOException {
        ByteBuffer head = header(content);
        ByteBuffer body = image.asByteBuffer();
        ByteBuffer tail = littleEndian(CRC_BYTES).putInt(checksum(head, body)).flip();
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (ByteBuffer part : new ByteBuffer[] {head, body, tail}) {
                while (part.hasRemaining()) {
                    channel.write(part);
                }
            }
        }
    }

    /**
     * Reads a file's image.
     *
     * @return null, or what is wrong with the file; the image's content is undefined then
     * @throws IOException if the file cannot be read
     */
    String read(Path file, BlockContent wanted, MemorySegment image) throws IOException {
        ByteBuffer head = littleEndian(headerBytes());
        ByteBuffer body = image.asByteBuffer();
        ByteBuffer tail = littleEndian(CRC_BYTES);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            if (channel.size() != bytes()) {
                return "it has " + channel.size() + " bytes, not " + bytes();
            }
            for (ByteBuffer part : new ByteBuffer[] {head, body, tail}) {
                while (part.hasRemaining()) {
                    if (channel.read(part) < 0) {
                        return "it ends early";
                    }
                }
                part.flip();
            }
        }
        if (head.getInt(0) != MAGIC || head.getInt(4) != VERSION) {
            return "it is no KV image of version " + VERSION;
        }
        if (tail.getInt(0) != checksum(head, body)) {
            return "its checksum is wrong";
        }
        return Arrays.equals(head.array(), header(wanted).array())
                ? null
                : "it is of another model or of other tokens than its name says";
    }

    private int headerBytes() {
        return 2 * Integer.BYTES
                + BlockIdentity.BYTES
                + 4 * Long.BYTES
                + Integer.BYTES
                + blockSize * Integer.BYTES;
    }

    private ByteBuffer header(BlockContent content) {
        ByteBuffer head = littleEndian(headerBytes());
        head.putInt(MAGIC).putInt(VERSION).put(identity.digest());
        head.putLong(content.key().high()).putLong(content.key().low());
        head.putLong(content.parent().high()).putLong(content.parent().low());
        head.putInt(blockSize);
        for (int token : content.tokens()) {
            head.putInt(token);
        }
        return head.flip();
    }

    private static int checksum(ByteBuffer head, ByteBuffer body) {
        CRC32C crc = new CRC32C();
        crc.update(head.duplicate());
        crc.update(body.duplicate());
        return (int) crc.getValue();
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
