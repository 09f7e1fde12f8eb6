package dev.millrace.ops.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Objects as JSON files {@code <id>.json} in a folder. A file is there whole or not at all: it is
 * written beside and then moved into its place.
 */
final class RecordFolder<T> {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String ENDING = ".json";

    private final Path dir;
    private final Class<T> type;

    /** Makes the folder if it is missing. */
    RecordFolder(Path dir, Class<T> type) {
        this.dir = dir;
        this.type = type;
        try {
            Files.createDirectories(dir);
        } catch (IOException e) {
            throw new UncheckedIOException("folder " + dir + " cannot be made", e);
        }
    }

    /**
     * Every object by its id.
     *
     * @throws UncheckedIOException naming the file that cannot be read
     */
    Map<String, T> readAll() {
        Map<String, T> all = new TreeMap<>();
        try (Stream<Path> list = Files.list(dir)) {
            for (Path file : (Iterable<Path>) list::iterator) {
                String name = file.getFileName().toString();
                if (name.endsWith(ENDING)) {
                    all.put(name.substring(0, name.length() - ENDING.length()), read(file));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("folder " + dir + " cannot be read", e);
        }
        return all;
    }

    private T read(Path file) throws IOException {
        try {
            return JSON.readValue(file.toFile(), type);
        } catch (IOException e) {
            throw new IOException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** Writes an object in place of what was there. */
    synchronized void put(String id, T value) {
        Path target = dir.resolve(id + ENDING);
        Path part = dir.resolve(id + ".part");
        try {
            Files.write(part, JSON.writeValueAsBytes(value));
            force(part);
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(target + " cannot be written", e);
        }
    }

    /** Takes an object away; nothing happens if it is not there. */
    synchronized void remove(String id) {
        try {
            Files.deleteIfExists(dir.resolve(id + ENDING));
        } catch (IOException e) {
            throw new UncheckedIOException("record " + id + " cannot be deleted", e);
        }
    }

    /** Brings a file's bytes to the disk, so that a move cannot outrun them. */
    static void force(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }
}
