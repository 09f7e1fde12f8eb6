package dev.millrace.engine.kvtier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

class DiskFolderTest {
    private static final int IMAGE = 1000;
    private static final int BLOCK_SIZE = 4;
    private static final long FILE = 8 + 32 + 32 + 4 + 4 * BLOCK_SIZE + IMAGE + 4;
    private static final BlockIdentity MODEL = ManualArchive.identity("a model");
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");

    @TempDir Path path;
    private DiskFolder folder;

    @BeforeEach
    void open() {
        folder = folder(MODEL, 10);
    }

    @Test
    void anImageComesBackAsItWas() throws IOException {
        folder.write(block(1), image(1));
        assertTrue(folder.has(block(1).key()));
        assertFalse(folder.has(block(2).key()));
        assertReads(folder, 1);
        assertEquals(FILE, folder.bytes());
        assertReads(folder(MODEL, 10), 1);
        assertEquals(1, files().size());
        assertEquals(FILE, Files.size(files().getFirst()));
    }

    /** Every byte of a file counts. */
    @ParameterizedTest
    @ValueSource(ints = {0, 5, 20, 45, 60, 75, 90, 500, (int) FILE - 1})
    void aChangedByteIsNoticedAndTheFileRemoved(int at) throws IOException {
        folder.write(block(1), image(1));
        Path file = files().getFirst();
        byte[] bytes = Files.readAllBytes(file);
        bytes[at] ^= 4;
        Files.write(file, bytes);
        assertRefused(folder);
    }

    @Test
    void aCutOrLongerFileIsNoticedAndRemoved() throws IOException {
        for (long length : new long[] {0, 10, FILE - 1, FILE + 1}) {
            folder.write(block(1), image(1));
            Path file = files().getFirst();
            Files.write(file, Arrays.copyOf(Files.readAllBytes(file), (int) length));
            long before = folder.refusedFiles();
            assertFalse(folder.read(block(1), image(0)), "length " + length);
            assertEquals(before + 1, folder.refusedFiles());
            assertEquals(List.of(), files());
        }
    }

    @Test
    void aWholeFileOfOtherTokensOrAnotherModelIsNotBelieved() throws IOException {
        folder.write(block(1), image(1));
        Path name = files().getFirst();
        Files.delete(name);
        folder = folder(MODEL, 10);
        folder.write(block(2), image(2));
        Files.move(files().getFirst(), name);
        folder = folder(MODEL, 10);
        assertRefused(folder);

        DiskFolder foreign = folder(ManualArchive.identity("another model"), 10);
        foreign.write(block(1), image(1));
        Files.move(files().getFirst(), name);
        folder = folder(MODEL, 10);
        assertRefused(folder);
    }

    @Test
    void theBoundHoldsAndTheLongestUnusedGo() throws IOException {
        for (int i = 1; i <= 10; i++) {
            folder.write(block(i), image(i));
        }
        assertReads(folder, 1);
        folder.write(block(11), image(11));
        assertEquals(10 * FILE, folder.bytes());
        assertEquals(10, files().size());
        assertTrue(folder.has(block(1).key()), "just read");
        assertFalse(folder.has(block(2).key()));
        // A process that comes later sees the same order, in the files' times.
        DiskFolder later = folder(MODEL, 10);
        later.write(block(12), image(12));
        assertTrue(later.has(block(1).key()));
        assertFalse(later.has(block(3).key()));
    }

    @Test
    void twoEnginesShareAFolder() throws IOException {
        DiskFolder other = folder(MODEL, 10);
        folder.write(block(1), image(1));
        other.write(block(1), image(1));
        other.write(block(2), image(2));
        assertEquals(2, files().size());
        // Each sees the other's files when it takes stock, here after every file.
        assertReads(folder(MODEL, 10), 2);
        // A file that the other took away is a miss and no fault.
        for (Path file : files()) {
            Files.delete(file);
        }
        assertFalse(other.read(block(2), image(0)));
        assertEquals(0, other.refusedFiles());
        assertFalse(other.has(block(2).key()));
    }

    @Test
    void othersFilesAreLeftAloneAndAKilledWritersAreNot() throws IOException {
        Path mine = Files.writeString(path.resolve("notes.txt"), "mine");
        Path old = Files.writeString(path.resolve("ab-cd.kv.17-1.tmp"), "half");
        Path fresh = Files.writeString(path.resolve("ab-ef.kv.17-1.tmp"), "half");
        Files.setLastModifiedTime(old, FileTime.from(NOW.minus(Duration.ofHours(1))));
        Files.setLastModifiedTime(fresh, FileTime.from(NOW));
        DiskFolder again = folder(MODEL, 10);
        assertEquals(0, again.bytes());
        assertTrue(Files.exists(mine));
        assertTrue(Files.exists(fresh), "somebody may be writing it");
        assertFalse(Files.exists(old));
    }

    private DiskFolder folder(BlockIdentity identity, int files) {
        BlockFile format = new BlockFile(identity, IMAGE, BLOCK_SIZE);
        return new DiskFolder(path, files * FILE, identity, format, () -> NOW);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.walk(path)) {
            return all.filter(file -> file.toString().endsWith(".kv")).toList();
        }
    }

    private void assertRefused(DiskFolder from) throws IOException {
        long before = from.refusedFiles();
        assertTrue(from.has(block(1).key()));
        assertFalse(from.read(block(1), image(0)));
        assertEquals(before + 1, from.refusedFiles());
        assertFalse(from.has(block(1).key()));
        assertEquals(List.of(), files());
        assertEquals(0, from.bytes());
    }

    private static void assertReads(DiskFolder from, int i) {
        MemorySegment read = image(0);
        assertTrue(from.read(block(i), read));
        assertEquals(-1, read.mismatch(image(i)));
    }

    private static BlockContent block(int i) {
        int[] tokens = {i, i + 1, i + 2, i + 3};
        BlockKey key = new BlockKey.Chain(BLOCK_SIZE).next(MODEL.root(), tokens, 0);
        return new BlockContent(key, MODEL.root(), tokens);
    }

    private static MemorySegment image(int fill) {
        MemorySegment image = Arena.ofAuto().allocate(IMAGE);
        for (int at = 0; at < IMAGE; at++) {
            image.set(ValueLayout.JAVA_BYTE, at, (byte) (fill * (at + 1)));
        }
        return image;
    }
}
