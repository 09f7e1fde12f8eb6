package dev.millrace.ops.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PromisedTest {
    @Test
    void readsTheTableOfTheDemonstrationModel() {
        Promised promised = Promised.read(Path.of("demo/millrace-demo"));
        assertEquals(new Promised.Score(977, 1000), promised.all());
        assertEquals(new Promised.Score(130, 152), promised.perTask().get("contact"));
        assertEquals(1000, promised.perTask().values().stream().mapToInt(Promised.Score::of).sum());
        assertEquals(977, promised.perTask().values().stream().mapToInt(Promised.Score::right).sum());
    }

    @Test
    void namesTheFileThatHasNoTable(@TempDir Path dir) throws Exception {
        Files.writeString(dir.resolve("README.md"), "# Nothing here\n");
        Exception e = assertThrows(IllegalStateException.class, () -> Promised.read(dir));
        assertTrue(e.getMessage().contains(dir.resolve("README.md").toString()), e.getMessage());
    }
}
