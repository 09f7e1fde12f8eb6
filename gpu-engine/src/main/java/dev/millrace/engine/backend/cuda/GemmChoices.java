package dev.millrace.engine.backend.cuda;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Which of the heuristic's proposals was fastest, per shape and bucket of rows. One file per device
 * and library version, since another version proposes others. A line is {@code bucket = index}.
 */
final class GemmChoices {
    private static final Logger LOG = LoggerFactory.getLogger(GemmChoices.class);

    private final Path file;
    private final Map<String, String> chosen = new TreeMap<>();
    private boolean changed;

    /** Reads the file where there is one; a damaged line is as good as none. */
    GemmChoices(Path file) {
        this.file = file;
        if (Files.exists(file)) {
            try {
                for (String line : Files.readAllLines(file)) {
                    int at = line.indexOf(" = ");
                    if (at > 0) {
                        chosen.put(line.substring(0, at), line.substring(at + 3));
                    }
                }
            } catch (IOException e) {
                LOG.warn("{} cannot be read, algorithms are timed again: {}", file, e.getMessage());
            }
        }
    }

    /** The file for a device and a version of cuBLASLt. */
    static Path file(DeviceProperties device, long version) {
        String name = device.name().replaceAll("[^A-Za-z0-9]+", "-");
        return CacheFolder.path().resolve("gemm").resolve(name + "-" + version + ".txt");
    }

    /** The index chosen among {@code count} proposals; -1 if none was. */
    int chosen(GemmKey key, int count) {
        String value = chosen.get(key.bucket());
        for (int i = 0; i < count; i++) {
            if (Integer.toString(i).equals(value)) {
                return i;
            }
        }
        return -1;
    }

    void choose(GemmKey key, int index) {
        chosen.put(key.bucket(), Integer.toString(index));
        changed = true;
    }

    /** Writes the file if something was chosen. */
    void save() {
        if (!changed) {
            return;
        }
        List<String> lines = new ArrayList<>();
        chosen.forEach((bucket, index) -> lines.add(bucket + " = " + index));
        try {
            Files.createDirectories(file.getParent());
            Path written = Files.createTempFile(file.getParent(), "gemm", ".tmp");
            Files.write(written, lines);
            CacheFolder.publish(written, file);
        } catch (IOException e) {
            LOG.warn(
                    "{} cannot be written, algorithms will be timed again: {}",
                    file,
                    e.getMessage());
        }
    }
}
