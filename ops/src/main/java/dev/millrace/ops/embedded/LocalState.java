package dev.millrace.ops.embedded;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of a role's stream stores. A process that was killed can leave a store that does not
 * open any more; such a folder is emptied, and Kafka Streams restores the stores from their
 * changelog topics, so that nothing is lost but time.
 */
public final class LocalState implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(LocalState.class);
    private static final String MARKER = "in-use";

    private final Path dir;

    private LocalState(Path dir) {
        this.dir = dir;
    }

    /** Takes the folder; empties it first when its last owner did not close it. */
    public static LocalState open(Path dir) {
        try {
            if (Files.exists(dir.resolve(MARKER))) {
                log.info("{} was not closed in order; its stores are restored from Kafka", dir);
                deleteAll(dir);
            }
            Files.createDirectories(dir);
            Files.createFile(dir.resolve(MARKER));
            return new LocalState(dir);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot take the state folder " + dir, e);
        }
    }

    public Path dir() {
        return dir;
    }

    /** To be called when the stores are closed. */
    @Override
    public void close() {
        try {
            Files.deleteIfExists(dir.resolve(MARKER));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot leave the state folder " + dir, e);
        }
    }

    private static void deleteAll(Path dir) throws IOException {
        try (Stream<Path> walk = Files.walk(dir)) {
            for (Path path : walk.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
