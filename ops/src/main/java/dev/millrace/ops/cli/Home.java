package dev.millrace.ops.cli;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds what comes with Millrace; the launcher says where that is. */
public final class Home {
    private Home() {}

    /** The checkout, or the working directory when the launcher was not used. */
    public static Path root() {
        String home = System.getProperty("millrace.home");
        return home == null ? Path.of("").toAbsolutePath() : Path.of(home);
    }

    /** The demonstration model's folder. */
    public static Path demoModel() {
        Path dir = root().resolve("ops/demo/millrace-demo");
        if (!Files.isDirectory(dir)) {
            throw CliFailure.failed(
                    "the demonstration model is not at "
                            + dir
                            + "; start Millrace with ./millrace, or give --model DIR");
        }
        return dir;
    }

    /** Where {@code up} keeps its data and all commands their logs. */
    public static Path data() {
        return root().resolve(".millrace");
    }
}
