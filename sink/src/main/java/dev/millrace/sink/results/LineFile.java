package dev.millrace.sink.results;

import dev.millrace.schemas.Completion;
import dev.millrace.sink.openai.BatchLineWriter;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A result file that appears whole or not at all: lines go to a temporary file beside it, which takes its
 * name at the end. What is no ordinary file (a pipe, /dev/stdout) is written to directly.
 */
final class LineFile implements AutoCloseable {
    private static final int BUFFER_BYTES = 1 << 18;

    private final Path target;
    private final Path written;
    private final BatchLineWriter lines;
    private boolean finished;

    LineFile(Path target) throws IOException {
        this.target = target;
        boolean direct = Files.exists(target) && !Files.isRegularFile(target);
        if (Files.isDirectory(target)) {
            throw new IOException(target + " is a folder; name a file");
        }
        Path folder = target.toAbsolutePath().getParent();
        if (!Files.isDirectory(folder)) {
            throw new IOException("there is no folder " + folder + " for " + target.getFileName());
        }
        this.written = direct ? target : folder.resolve(target.getFileName() + ".part");
        OutputStream out = Files.newOutputStream(written);
        this.lines = new BatchLineWriter(new BufferedOutputStream(out, BUFFER_BYTES));
    }

    void write(Completion completion) throws IOException {
        lines.write(completion);
    }

    /** All lines are written: puts the file in its place. */
    void finish() throws IOException {
        lines.close();
        finished = true;
        if (written.equals(target)) {
            return;
        }
        try (FileChannel channel = FileChannel.open(written, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        try {
            Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(written, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** Without {@link #finish}, takes the temporary file away and leaves the target as it was. */
    @Override
    public void close() throws IOException {
        if (!finished) {
            lines.close();
            if (!written.equals(target)) {
                Files.deleteIfExists(written);
            }
        }
    }
}
