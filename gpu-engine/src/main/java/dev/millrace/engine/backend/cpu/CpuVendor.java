package dev.millrace.engine.backend.cpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Who made the processor, where Linux says so in /proc/cpuinfo. */
final class CpuVendor {
    private CpuVendor() {}

    static boolean isIntel() {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("vendor_id"))
                    .findFirst()
                    .map(line -> line.endsWith("GenuineIntel"))
                    .orElse(false);
        } catch (IOException e) {
            return false;
        }
    }
}
