package dev.millrace.it.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.it.Repository;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How a program of the checkout ended, started as from a shell. */
record ProgramRun(int code, String out, String err) {
    static final Path LIB = Repository.root().resolve("ops/target/lib");

    /**
     * Runs a program that starts the packaged product, and skips the test where ops is not
     * packaged.
     *
     * @param dir where its output is kept
     */
    static ProgramRun of(Path dir, List<String> command) throws IOException, InterruptedException {
        assumeTrue(Files.isDirectory(LIB), "ops is not packaged: the launcher is not tested");
        Path out = dir.resolve("out");
        Path err = dir.resolve("err");
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile());
        builder.environment().put("MILLRACE_SKIP_BUILD", "1");
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        int code = builder.start().waitFor();
        return new ProgramRun(code, Files.readString(out), Files.readString(err));
    }
}
