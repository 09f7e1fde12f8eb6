package dev.millrace.engine.backend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What Linux says of the first processor, in /proc/cpuinfo. */
public final class CpuInfo {
    private CpuInfo() {}

    /**
     * The value of a field, such as {@code vendor_id}, {@code model name} or {@code flags}.
     *
     * @return empty where there is no such file or field
     */
    public static Optional<String> field(String name) {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith(name))
                    .findFirst()
                    .map(line -> line.substring(line.indexOf(':') + 1).strip());
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
