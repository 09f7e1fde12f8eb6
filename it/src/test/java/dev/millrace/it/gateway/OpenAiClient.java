package dev.millrace.it.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.it.Repository;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The official {@code openai} package of npm, fetched into this module's target folder. */
final class OpenAiClient {
    private static final Path SOURCES = Repository.root().resolve("it/src/test/node/openai-client");
    private static final Path HOME = Repository.root().resolve("it/target/openai-client");
    private static final long MINUTES_MAX = 5;

    private OpenAiClient() {}

    /** Why the package cannot be had here, or null when it can; fetches it. */
    static String missing() throws IOException, InterruptedException {
        for (String tool : List.of("node", "npm")) {
            if (run(List.of(tool, "--version"), Path.of(".")).exitCode != 0) {
                return tool + " is not installed";
            }
        }
        Files.createDirectories(HOME);
        for (String name : List.of("package.json", "check.mjs")) {
            Files.copy(
                    SOURCES.resolve(name), HOME.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        if (Files.isDirectory(HOME.resolve("node_modules/openai"))) {
            return null;
        }
        Finished install =
                run(List.of("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"), HOME);
        return install.exitCode == 0
                ? null
                : "npm cannot fetch the openai package: " + install.output;
    }

    /** Runs the check; its output is the message when it fails. */
    static String check(String baseUrl, String model, Path folder)
            throws IOException, InterruptedException {
        Finished check = run(List.of("node", "check.mjs", baseUrl, model, folder.toString()), HOME);
        assertEquals(0, check.exitCode, check.output);
        return check.output;
    }

    /** What a process has left. */
    private record Finished(int exitCode, String output) {}

    private static Finished run(List<String> command, Path folder)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile("openai-client", ".log");
        try {
            Process process =
                    new ProcessBuilder(new ArrayList<>(command))
                            .directory(folder.toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start();
            if (!process.waitFor(MINUTES_MAX, TimeUnit.MINUTES)) {
                process.destroyForcibly().waitFor();
            }
            return new Finished(process.exitValue(), Files.readString(output));
        } catch (IOException e) {
            // There is no such program.
            return new Finished(127, String.valueOf(e.getMessage()));
        } finally {
            Files.delete(output);
        }
    }
}
