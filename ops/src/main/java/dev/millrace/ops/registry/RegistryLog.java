package dev.millrace.ops.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;

/**
 * Every change as one line of JSON at the end of a file, on disk before it is answered. The first
 * line names the format. A last line without its end is what a crash left of a change that nobody
 * was told of: it is cut off. Anything else that cannot be read is an error with file and line. A
 * lock keeps a second server off the file.
 */
final class RegistryLog implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RegistryLog.class);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String FORMAT = "millrace-schema-registry";
    private static final int VERSION = 1;

    private final Path file;
    private final FileChannel channel;

    /**
     * Opens or makes the file and hands each earlier change to {@code replay}, oldest first. Null
     * keeps nothing.
     */
    RegistryLog(Path file, Consumer<JsonNode> replay) {
        this.file = file;
        this.channel = file == null ? null : open(file);
        if (channel != null) {
            try {
                replayAll(replay);
            } catch (IOException e) {
                close();
                throw new UncheckedIOException("cannot read the registry's store " + file, e);
            } catch (RuntimeException e) {
                close();
                throw e;
            }
        }
    }

    private static FileChannel open(Path file) {
        try {
            if (file.toAbsolutePath().getParent() != null) {
                Files.createDirectories(file.toAbsolutePath().getParent());
            }
            FileChannel channel =
                    FileChannel.open(
                            file,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE);
            FileLock lock;
            try {
                lock = channel.tryLock();
            } catch (OverlappingFileLockException e) {
                lock = null;
            }
            if (lock == null) {
                channel.close();
                throw new IllegalStateException(
                        "the registry's store " + file + " is in use by another registry");
            }
            return channel;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot open the registry's store " + file, e);
        }
    }

    private void replayAll(Consumer<JsonNode> replay) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        int start = 0;
        int line = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                line++;
                replayLine(
                        line, new String(bytes, start, i - start, StandardCharsets.UTF_8), replay);
                start = i + 1;
            }
        }
        if (start < bytes.length) {
            LOG.warn(
                    "{}: cut off {} bytes after line {}: a change that was not finished",
                    file,
                    bytes.length - start,
                    line);
            channel.truncate(start);
        }
        channel.position(start);
        if (line == 0) {
            append(
                    JsonNodeFactory.instance
                            .objectNode()
                            .put("format", FORMAT)
                            .put("version", VERSION));
        }
    }

    private void replayLine(int line, String text, Consumer<JsonNode> replay) {
        try {
            JsonNode change = JSON.readTree(text);
            if (line > 1) {
                replay.accept(change);
            } else if (!change.path("format").asText().equals(FORMAT)
                    || change.path("version").asInt() != VERSION) {
                throw new IllegalArgumentException(
                        "this is no registry store of version " + VERSION);
            }
        } catch (JsonProcessingException | RuntimeException e) {
            throw new IllegalStateException(
                    "cannot read the registry's store "
                            + file
                            + ", line "
                            + line
                            + ": "
                            + e.getMessage(),
                    e);
        }
    }

    /** Writes one change and waits until it is on disk. */
    void append(JsonNode change) {
        if (channel == null) {
            return;
        }
        try {
            ByteBuffer line = ByteBuffer.wrap((change + "\n").getBytes(StandardCharsets.UTF_8));
            long start = channel.position();
            try {
                while (line.hasRemaining()) {
                    channel.write(line);
                }
                channel.force(false);
            } catch (IOException e) {
                channel.truncate(
                        start); // A full disk: take back half a line, so that the next change
                                // starts clean.
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write the registry's store " + file, e);
        }
    }

    @Override
    public void close() {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException("cannot close the registry's store " + file, e);
            }
        }
    }
}
