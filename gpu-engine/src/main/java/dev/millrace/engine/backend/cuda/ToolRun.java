package dev.millrace.engine.backend.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Compilers as child processes. */
final class ToolRun {
    private static final int SHOWN_CHARS = 4000;

    private ToolRun() {}

    /** A program on the PATH. */
    static Optional<Path> find(String program) {
        String path = System.getenv("PATH");
        List<Path> folders = new ArrayList<>();
        for (String folder : path == null ? new String[0] : path.split(":")) {
            folders.add(Path.of(folder));
        }
        return folders.stream()
                .map(folder -> folder.resolve(program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * Runs a program to its end.
     *
     * @return what it printed
     * @throws CudaException if it fails; the message ends with what it printed
     */
    static String run(Path folder, List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command)
                            .directory(folder.toFile())
                            .redirectErrorStream(true)
                            .start();
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int code = process.waitFor();
            if (code != 0) {
                throw new CudaException(
                        String.join(" ", command)
                                + " ended with "
                                + code
                                + ":\n"
                                + output.substring(0, Math.min(SHOWN_CHARS, output.length())));
            }
            return output;
        } catch (IOException e) {
            throw new CudaException(
                    String.join(" ", command) + " cannot be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CudaException("interrupted while running " + command.getFirst(), e);
        }
    }
}
