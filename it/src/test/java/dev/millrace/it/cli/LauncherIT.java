package dev.millrace.it.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.it.Repository;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The launcher as a newcomer meets it: nothing of the JVM's own shows. */
class LauncherIT {
    @TempDir Path dir;

    @Test
    void printsItsVersionAndNothingElse() throws Exception {
        ProgramRun version = millrace("--version");
        assertEquals(0, version.code(), version.err());
        assertEquals("millrace 0.1.0\n", version.out());
        assertNothingOfTheJvm(version);
    }

    @Test
    void anUnknownCommandIsAUsageErrorWithASuggestion() throws Exception {
        ProgramRun unknown = millrace("submti");
        assertEquals(2, unknown.code());
        assertTrue(unknown.err().contains("millrace submit"), unknown.err());
        assertNothingOfTheJvm(unknown);
    }

    @Test
    void helpOfTheDemonstrationIsNotTakenForItsFirstRun() throws Exception {
        Path root = dir.resolve("checkout");
        Files.createDirectories(root.resolve("ops/target"));
        Files.createSymbolicLink(root.resolve("ops/bin"), Repository.root().resolve("ops/bin"));
        Files.createSymbolicLink(root.resolve("ops/target/lib"), ProgramRun.LIB);
        Files.copy(Repository.root().resolve("millrace"), root.resolve("millrace"));
        ProgramRun help = run(root.resolve("millrace"), "demo", "--help");
        assertEquals(0, help.code(), help.err());
        assertTrue(help.out().startsWith("Usage: millrace demo"), help.out());
        assertNothingOfTheJvm(help);
        try (Stream<Path> target = Files.list(root.resolve("ops/target"))) {
            assertEquals(List.of("lib"), target.map(p -> p.getFileName().toString()).toList());
        }
    }

    private static void assertNothingOfTheJvm(ProgramRun ended) {
        assertFalse((ended.out() + ended.err()).contains("CompileCommand"), ended.out());
        // The JDK itself announces its incubator module; that cannot be switched off.
        List<String> lines =
                ended.err().lines().filter(l -> !l.contains("incubator modules")).toList();
        assertTrue(lines.stream().noneMatch(l -> l.startsWith("[")), ended.err());
    }

    private ProgramRun millrace(String... args) throws Exception {
        return run(Repository.root().resolve("millrace"), args);
    }

    private ProgramRun run(Path launcher, String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of("sh", launcher.toString()));
        command.addAll(List.of(args));
        return ProgramRun.of(dir, command);
    }
}
