package dev.millrace.ops.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where log lines go. Must be decided before the first logger is made. */
public final class Logs {
    private static final String CONFIGURATION = "log4j2.configurationFile";

    private Logs() {}

    /**
     * Sends all log lines to a file, for commands that draw on the terminal. A user's own log4j2
     * configuration wins.
     *
     * @return the file
     */
    public static Path toFile(String name) {
        Path file = Home.data().resolve("logs").resolve(name + ".log");
        try {
            Files.createDirectories(file.getParent());
        } catch (IOException e) {
            throw new UncheckedIOException("cannot make the log folder " + file.getParent(), e);
        }
        System.setProperty("millrace.log.file", file.toString());
        if (System.getProperty(CONFIGURATION) == null) {
            System.setProperty(CONFIGURATION, "log4j2-file.xml");
        }
        return file;
    }

    /** Shows warnings only, for commands whose output is their result. */
    public static void quiet() {
        if (System.getProperty("millrace.log.level") == null) {
            System.setProperty("millrace.log.level", "WARN");
        }
    }
}
