package dev.millrace.ops.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Optional;

class KeyFileTest {
    @TempDir Path dir;

    @Test
    void aKeyLeadsToItsTenantAndIsNotInTheFile() throws Exception {
        Path file = dir.resolve("keys");
        String acme = KeyFile.addKey(file, "acme", new SecureRandom());
        String other = KeyFile.addKey(file, "other", new SecureRandom());
        assertNotEquals(acme, other);
        KeyFile keys = new KeyFile(file);
        assertEquals(Optional.of("acme"), keys.tenantOf(acme));
        assertEquals(Optional.of("other"), keys.tenantOf(other));
        assertEquals(Optional.empty(), keys.tenantOf(acme + "x"));
        assertEquals(Optional.empty(), keys.tenantOf(""));
        assertFalse(Files.readString(file).contains(acme.substring(12)));
        assertEquals(
                PosixFilePermissions.fromString("rw-------"), Files.getPosixFilePermissions(file));
    }

    @Test
    void aKeyThatIsTakenOutStopsWorking() throws Exception {
        Path file = dir.resolve("keys");
        String key = KeyFile.addKey(file, "acme", new SecureRandom());
        KeyFile keys = new KeyFile(file);
        assertTrue(keys.tenantOf(key).isPresent());
        Files.writeString(file, "# none\n");
        Files.setLastModifiedTime(file, FileTime.fromMillis(1));
        assertTrue(keys.tenantOf(key).isEmpty());
    }

    @Test
    void aBrokenFileKeepsTheKeysThatWere() throws Exception {
        Path file = dir.resolve("keys");
        String key = KeyFile.addKey(file, "acme", new SecureRandom());
        KeyFile keys = new KeyFile(file);
        Files.writeString(file, "nonsense\n");
        Files.setLastModifiedTime(file, FileTime.fromMillis(1));
        assertTrue(keys.tenantOf(key).isPresent());
    }

    @Test
    void wrongFilesAreNamed() throws Exception {
        Path file = Files.writeString(dir.resolve("keys"), "# comment\n\nsha256:12 acme\n");
        String message =
                assertThrows(IllegalArgumentException.class, () -> new KeyFile(file)).getMessage();
        assertTrue(message.startsWith(file + ":3: "), message);
        assertThrows(UncheckedIOException.class, () -> new KeyFile(dir.resolve("none")));
        assertThrows(
                IllegalArgumentException.class,
                () -> KeyFile.addKey(file, "a b", new SecureRandom()));
    }
}
