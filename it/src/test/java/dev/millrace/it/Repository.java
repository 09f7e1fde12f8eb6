package dev.millrace.it;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the checkout that the tests run in. */
public final class Repository {
    private Repository() {}

    /** The folder that holds the launcher, above the working directory of the test run. */
    public static Path root() {
        Path dir = Path.of("").toAbsolutePath();
        while (dir != null && !Files.exists(dir.resolve("millrace"))) {
            dir = dir.getParent();
        }
        if (dir == null) {
            throw new IllegalStateException(
                    "no checkout of Millrace above " + Path.of("").toAbsolutePath());
        }
        return dir;
    }
}
