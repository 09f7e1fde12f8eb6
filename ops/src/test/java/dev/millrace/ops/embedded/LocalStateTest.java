package dev.millrace.ops.embedded;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalStateTest {
    @TempDir Path dir;

    @Test
    void storesSurviveAnOrderlyEnd() throws Exception {
        Path store = dir.resolve("state").resolve("store");
        try (LocalState state = LocalState.open(dir.resolve("state"))) {
            Files.writeString(store, "data");
        }
        try (LocalState state = LocalState.open(dir.resolve("state"))) {
            assertTrue(Files.exists(store));
        }
    }

    @Test
    void storesOfAKilledProcessAreNotOpenedAgain() throws Exception {
        LocalState killed = LocalState.open(dir.resolve("state"));
        Path store = Files.createDirectories(killed.dir().resolve("task")).resolve("store");
        Files.writeString(store, "half");
        try (LocalState state = LocalState.open(dir.resolve("state"))) {
            assertFalse(Files.exists(store));
        }
    }
}
