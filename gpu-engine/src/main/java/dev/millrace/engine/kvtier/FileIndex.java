package dev.millrace.engine.kvtier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which image files a folder has, in the order of their use. Names are
 *
 * <pre>
 * ab/ab…(32 hex digits of the key)-…(16 hex digits of the model).kv
 * </pre>
 *
 * A file of any other name is somebody else's and is left alone; temporary files that nobody has
 * touched for long are what a killed process left, and are removed. Any thread may call, but one
 * scans.
 */
final class FileIndex {
    static final String TEMPORARY = ".tmp";

    private static final Logger LOG = LoggerFactory.getLogger(FileIndex.class);
    private static final Duration LEFT_BEHIND = Duration.ofMinutes(10);
    private static final String SUFFIX = ".kv";
    private static final Pattern NAME =
            Pattern.compile(
                    "([0-9a-f]{%d})-([0-9a-f]{%d})\\.kv"
                            .formatted(BlockKey.HEX_DIGITS, BlockIdentity.SHORT_DIGITS));

    /** A file's name in parts. */
    private record Name(BlockKey key, String model) {
        Path under(Path folder) {
            String hex = key.hex();
            return folder.resolve(hex.substring(0, 2)).resolve(hex + "-" + model + SUFFIX);
        }
    }

    private record Found(Name name, long bytes, FileTime used) {}

    private final String model;

    /** Longest unused first; the value is the file's size. */
    private final Map<Name, Long> files = new LinkedHashMap<>(16, 0.75f, true);

    /** Files that are no images, each told of once; of the thread that scans. */
    private final Set<Path> strangers = new HashSet<>();

    private long bytes;
    private int numOwn;

    FileIndex(BlockIdentity identity) {
        model = identity.shortHex();
    }

    synchronized boolean has(BlockKey key) {
        return files.containsKey(own(key));
    }

    synchronized boolean touch(BlockKey key) {
        return files.get(own(key)) != null;
    }

    synchronized int numFiles() {
        return files.size();
    }

    /** Files of this model. */
    synchronized int numOwn() {
        return numOwn;
    }

    synchronized long bytes() {
        return bytes;
    }

    synchronized void add(BlockKey key, long size) {
        put(own(key), size);
    }

    synchronized void remove(BlockKey key) {
        forget(own(key));
    }

    /** Forgets the longest unused file and says where it is; null if there is none. */
    synchronized Path removeOldest(Path folder) {
        if (files.isEmpty()) {
            return null;
        }
        Name oldest = files.keySet().iterator().next();
        forget(oldest);
        return oldest.under(folder);
    }

    /** Where the file of a key is, or would be. */
    Path path(Path folder, BlockKey key) {
        return own(key).under(folder);
    }

    /** Takes stock anew. */
    void scan(Path folder, Instant now) throws IOException {
        List<Found> found = walk(folder, now);
        found.sort(Comparator.comparing(Found::used));
        synchronized (this) {
            Set<Name> gone = new HashSet<>(files.keySet());
            for (Found file : found) {
                gone.remove(file.name());
                put(file.name(), file.bytes());
            }
            gone.forEach(this::forget);
        }
    }

    private Name own(BlockKey key) {
        return new Name(key, model);
    }

    private void put(Name name, long size) {
        Long before = files.put(name, size);
        bytes += size - (before == null ? 0 : before);
        numOwn += before == null && name.model().equals(model) ? 1 : 0;
    }

    private void forget(Name name) {
        Long size = files.remove(name);
        if (size != null) {
            bytes -= size;
            numOwn -= name.model().equals(model) ? 1 : 0;
        }
    }

    private List<Found> walk(Path folder, Instant now) throws IOException {
        List<Found> found = new ArrayList<>();
        Files.walkFileTree(
                folder,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        visit(folder, file, attributes, now, found);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException e)
                            throws IOException {
                        if (e instanceof NoSuchFileException && !file.equals(folder)) {
                            // Another process has just removed it.
                            return FileVisitResult.CONTINUE;
                        }
                        throw e;
                    }
                });
        return found;
    }

    private void visit(
            Path folder, Path file, BasicFileAttributes attributes, Instant now, List<Found> found)
            throws IOException {
        String name = file.getFileName().toString();
        Matcher matcher = NAME.matcher(name);
        if (matcher.matches()) {
            Name parts = new Name(BlockKey.ofHex(matcher.group(1)), matcher.group(2));
            if (parts.under(folder).equals(file)) {
                found.add(new Found(parts, attributes.size(), attributes.lastModifiedTime()));
                return;
            }
        }
        boolean ours = name.endsWith(TEMPORARY) && name.contains(SUFFIX + ".");
        if (ours && attributes.lastModifiedTime().toInstant().isBefore(now.minus(LEFT_BEHIND))) {
            LOG.info("{} was left by a process that is gone; it is removed", file);
            Files.deleteIfExists(file);
        } else if (!ours && strangers.add(file)) {
            LOG.warn("{} is no KV image; it is left alone", file);
        }
    }
}
