package dev.millrace.ops.gateway;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.List;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Files of tenants in a folder: a content file and a record for each, under the file's id.
 *
 * <pre>
 * lock                      held while a gateway uses the folder
 * files/file-….content      bytes as they came
 * files/file-….json         {@link StoredFile}; written last, so a file exists if it has this
 * incoming/                 uploads and exports that are not finished; emptied at the start
 * </pre>
 */
final class FileStore implements AutoCloseable {
    private final Path files;
    private final Path incoming;
    private final FileChannel lock;
    private final InstantSource clock;
    private final RecordFolder<StoredFile> records;
    private final NavigableMap<String, StoredFile> byId = new ConcurrentSkipListMap<>();

    /**
     * Opens the folder, makes it if missing, and takes away what a crash has left half done.
     *
     * @throws IllegalStateException when another gateway uses it
     */
    FileStore(Path dir, InstantSource clock) {
        this.files = dir.resolve("files");
        this.incoming = dir.resolve("incoming");
        this.clock = clock;
        try {
            Files.createDirectories(incoming);
            lock = lock(dir.resolve("lock"));
            records = new RecordFolder<>(files, StoredFile.class);
            byId.putAll(records.readAll());
            clear(incoming, path -> true);
            clear(files, path -> !path.toString().endsWith(".json") && !hasRecord(path));
        } catch (IOException e) {
            throw new UncheckedIOException("the file store in " + dir + " cannot be opened", e);
        }
    }

    private static FileChannel lock(Path file) throws IOException {
        FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            channel.close();
            throw inUse(file, e);
        }
        channel.close();
        throw inUse(file, null);
    }

    private static IllegalStateException inUse(Path file, Exception cause) {
        return new IllegalStateException(
                "another gateway uses the folder of " + file + "; each needs its own", cause);
    }

    private boolean hasRecord(Path content) {
        return byId.containsKey(content.getFileName().toString().replaceFirst("\\.[a-z]+$", ""));
    }

    private static void clear(Path dir, Predicate<Path> unwanted) throws IOException {
        try (Stream<Path> list = Files.list(dir)) {
            for (Path path : list.filter(unwanted).toList()) {
                Files.delete(path);
            }
        }
    }

    /**
     * Where a file may be written that {@link #add} takes over; whoever writes it deletes it else.
     */
    Path incoming(String name) {
        return incoming.resolve(name);
    }

    /** Bytes that the disk still takes. */
    long usableBytes() throws IOException {
        return Files.getFileStore(incoming).getUsableSpace();
    }

    /** Takes a written file over. An older one with the same id is replaced. */
    synchronized StoredFile add(Path written, StoredFile file) {
        Path content = content(file.id());
        try {
            RecordFolder.force(written);
            Files.move(written, content, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException("file " + file.id() + " cannot be stored", e);
        }
        records.put(file.id(), file);
        byId.put(file.id(), file);
        return file;
    }

    /** A tenant's file, or null when there is none that has not expired. */
    StoredFile find(String tenant, String id) {
        StoredFile file = Ids.isValid(Ids.FILE, id) ? byId.get(id) : null;
        boolean visible = file != null && file.tenant().equals(tenant) && isAlive(file);
        return visible ? file : null;
    }

    /** The tenant's file that an upload with this idempotency key has made, or null. */
    StoredFile findByIdempotencyKey(String tenant, String key) {
        return byId.values().stream()
                .filter(file -> file.tenant().equals(tenant) && isAlive(file))
                .filter(file -> key.equals(file.idempotencyKey()))
                .findFirst()
                .orElse(null);
    }

    /** Opens the content; it stays readable while it is read, even if the file is deleted. */
    InputStream open(String id) throws IOException {
        return Files.newInputStream(content(id));
    }

    /** Deletes a file; nothing happens if it is not there. */
    synchronized void delete(String id) {
        byId.remove(id);
        records.remove(id);
        try {
            Files.deleteIfExists(content(id));
        } catch (IOException e) {
            throw new UncheckedIOException("file " + id + " cannot be deleted", e);
        }
    }

    /** A page of a tenant's files. */
    Page<StoredFile> list(String tenant, PageRequest request, Predicate<StoredFile> wanted) {
        return request.pageOf(
                byId, file -> file.tenant().equals(tenant) && isAlive(file) && wanted.test(file));
    }

    /** Deletes what has expired, but for files that are still needed. Says how many. */
    int deleteExpired(Predicate<String> needed) {
        List<String> expired =
                byId.values().stream()
                        .filter(file -> !isAlive(file) && !needed.test(file.id()))
                        .map(StoredFile::id)
                        .toList();
        expired.forEach(this::delete);
        return expired.size();
    }

    private boolean isAlive(StoredFile file) {
        return !file.isExpired(clock.instant().getEpochSecond());
    }

    private Path content(String id) {
        return files.resolve(id + ".content");
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw new UncheckedIOException("the file store's lock cannot be given back", e);
        }
    }
}
