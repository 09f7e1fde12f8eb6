package dev.millrace.engine.kvtier;

import dev.millrace.engine.api.KvTiers;
import dev.millrace.engine.backend.KvStore;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.time.InstantSource;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Image files in a folder that engines of any model share: a file's name is its block's key and a
 * hash of its model. Files appear whole, by renaming, and are bounded in bytes; the longest unused
 * go first, whosever they are. Any thread may call.
 *
 * <p>Several processes may use one folder. Each knows the files that it found when it last looked,
 * and looks again after having written a sixteenth of the bound: by so much per process the bound
 * may be exceeded. A file that another process took away is a miss.
 */
final class DiskFolder {
    private static final Logger LOG = LoggerFactory.getLogger(DiskFolder.class);
    private static final int RESCAN_SHARE = 16;

    /** Tells this process's folders apart, so that no two write one temporary file. */
    private static final AtomicLong INSTANCES = new AtomicLong();


    private final Path folder;
    private final long bytesMax;
    private final BlockFile format;
    private final FileIndex index;
    private final InstantSource clock;
    private final String instance =
            ProcessHandle.current().pid() + "-" + INSTANCES.incrementAndGet();
    private final AtomicLong writes = new AtomicLong();
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong lastStamp = new AtomicLong();
    private long writtenSinceScan;

    /** Opens the folder of some settings on the system's clock. */
    static DiskFolder open(KvTiers config, KvStore store, BlockIdentity identity) {
        BlockFile format =
                new BlockFile(identity, store.imageBytes(), store.layout().blockSize());
        return new DiskFolder(
                config.diskFolder(), config.diskBytes(), identity, format, InstantSource.system());
    }

    /**
     * Opens a folder, which is made if it is not there.
     *
     * @throws UncheckedIOException if it cannot be made or read
     */
    DiskFolder(
            Path folder,
            long bytesMax,
            BlockIdentity identity,
            BlockFile format,
            InstantSource clock) {
        this.folder = folder;
        this.bytesMax = bytesMax;
        this.format = format;
        this.clock = clock;
        index = new FileIndex(identity);
        try {
            Files.createDirectories(folder);
            index.scan(folder, clock.instant());
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "KV folder " + folder + " cannot be used: " + e.getMessage(), e);
        }
        LOG.info(
                "KV folder {}: {} files, {} bytes of at most {}; {} files of this model",
                folder,
                index.numFiles(),
                index.bytes(),
                bytesMax,
                index.numOwn());
    }

    boolean has(BlockKey key) {
        return index.has(key);
    }

    /** Whether a file of this model is here; makes it the youngest. */
    boolean touch(BlockKey key) {
        return index.touch(key);
    }

    boolean isEmpty() {
        return index.numOwn() == 0;
    }

    long bytes() {
        return index.bytes();
    }

    long writes() {
        return writes.get();
    }

    long refusedFiles() {
        return refused.get();
    }

    /** Bytes of one file of this model. */
    long fileBytes() {
        return format.bytes();
    }

    long bytesMax() {
        return bytesMax;
    }

    /** Writes an image, making room first. Returns when it is there under its name. */
    synchronized void write(BlockContent content, MemorySegment image) throws IOException {
        if (index.touch(content.key()) || format.bytes() > bytesMax) {
            return;
        }
        makeRoom();
        Path file = index.path(folder, content.key());
        Files.createDirectories(file.getParent());
        Path temporary =
                file.resolveSibling(file.getFileName() + "." + instance + FileIndex.TEMPORARY);
        try {
            Files.deleteIfExists(temporary);
            format.write(temporary, content, image);
            Files.setLastModifiedTime(temporary, stamp());
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            Files.deleteIfExists(temporary);
            throw e;
        }
        index.add(content.key(), format.bytes());
        writes.incrementAndGet();
        writtenSinceScan += format.bytes();
        if (writtenSinceScan > bytesMax / RESCAN_SHARE) {
            writtenSinceScan = 0;
            index.scan(folder, clock.instant());
        }
    }

    /**
     * Reads an image.
     *
     * @return false if the file is gone, or was damaged and is removed
     */
    boolean read(BlockContent wanted, MemorySegment image) {
        Path file = index.path(folder, wanted.key());
        try {
            String fault = format.read(file, wanted, image);
            if (fault == null) {
                Files.setLastModifiedTime(file, stamp());
                index.touch(wanted.key());
                return true;
            }
            refused.incrementAndGet();
            LOG.warn("{}: {}; the file is removed", file, fault);
            Files.deleteIfExists(file);
        } catch (NoSuchFileException e) {
            LOG.debug("{} is gone", file);
        } catch (IOException e) {
            LOG.warn("{} cannot be read: {}", file, e.toString());
        }
        index.remove(wanted.key());
        return false;
    }

    private void makeRoom() throws IOException {
        while (index.bytes() + format.bytes() > bytesMax) {
            Path oldest = index.removeOldest(folder);
            if (oldest == null) {
                return;
            }
            Files.deleteIfExists(oldest);
        }
    }

    /** Now, but later than every stamp before: a file's time is the order of its use. */
    private FileTime stamp() {
        Instant now = clock.instant();
        long micros = Math.addExact(now.getEpochSecond() * 1_000_000, now.getNano() / 1_000);
        long stamp = lastStamp.updateAndGet(last -> Math.max(last + 1, micros));
        return FileTime.from(
                Instant.ofEpochSecond(stamp / 1_000_000, stamp % 1_000_000 * 1_000));
    }
}
