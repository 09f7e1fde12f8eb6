package dev.millrace.ops.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens input files; a dash is standard input. */
final class Inputs {
    private Inputs() {}

    static BufferedReader lines(Path file) throws IOException {
        if (file.toString().equals("-")) {
            return new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        }
        requireFile(file);
        return Files.newBufferedReader(file);
    }

    static void requireFile(Path file) {
        if (!Files.isRegularFile(file)) {
            throw CliFailure.usage(
                    "input file "
                            + file
                            + (Files.exists(file) ? " is not a file" : " does not exist"));
        }
        if (!Files.isReadable(file)) {
            throw CliFailure.usage("input file " + file + " is not readable");
        }
    }
}
