package dev.millrace.ops.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

class FileStoreTest {
    private static final Instant START = Instant.ofEpochSecond(1_800_000_000);

    @TempDir Path dir;
    private Instant now = START;
    private Ids ids;
    private FileStore store;

    @BeforeEach
    void open() {
        ids = new Ids(() -> now);
        store = new FileStore(dir, () -> now);
    }

    @AfterEach
    void close() {
        store.close();
    }

    private StoredFile add(String tenant, String content, Long expiresAt) throws IOException {
        String id = ids.next(Ids.FILE);
        Path written = Files.writeString(store.incoming(id), content);
        return store.add(
                written,
                new StoredFile(
                        id,
                        tenant,
                        "f.jsonl",
                        StoredFile.BATCH,
                        content.length(),
                        now.getEpochSecond(),
                        expiresAt,
                        "00",
                        null));
    }

    @Test
    void filesSurviveARestartAndHalfDoneOnesDoNot() throws IOException {
        StoredFile file = add("acme", "content", null);
        Files.writeString(store.incoming("upload"), "half");
        Files.writeString(dir.resolve("files/" + ids.next(Ids.FILE) + ".content"), "no record");
        store.close();
        store = new FileStore(dir, () -> now);
        assertEquals(file, store.find("acme", file.id()));
        try (InputStream in = store.open(file.id())) {
            assertEquals("content", new String(in.readAllBytes()));
        }
        assertEquals(0, entries("incoming"));
        assertEquals(2, entries("files"), "the content and its record");
    }

    @Test
    void tenantsSeeOnlyTheirOwn() throws IOException {
        StoredFile file = add("acme", "x", null);
        assertNotNull(store.find("acme", file.id()));
        assertNull(store.find("other", file.id()));
        PageRequest all = new PageRequest(null, 10, false);
        assertEquals(List.of(file), store.list("acme", all, each -> true).items());
        assertEquals(List.of(), store.list("other", all, each -> true).items());
    }

    @Test
    void expiredFilesAreGoneAndSweptUnlessNeeded() throws IOException {
        StoredFile kept = add("acme", "x", null);
        StoredFile brief = add("acme", "x", START.getEpochSecond() + 60);
        assertNotNull(store.find("acme", brief.id()));
        now = START.plusSeconds(60);
        assertNull(store.find("acme", brief.id()));
        assertEquals(0, store.deleteExpired(brief.id()::equals));
        assertEquals(1, store.deleteExpired(id -> false));
        assertEquals(2, entries("files"));
        assertNotNull(store.find("acme", kept.id()));
    }

    @Test
    void aDeletedFileCanBeReadToItsEndByWhoHasOpenedIt() throws IOException {
        StoredFile file = add("acme", "content", null);
        try (InputStream in = store.open(file.id())) {
            store.delete(file.id());
            store.delete(file.id());
            assertEquals("content", new String(in.readAllBytes()));
        }
        assertNull(store.find("acme", file.id()));
        assertEquals(0, entries("files"));
    }

    @Test
    void nothingButAnIdIsEverAFileName() throws IOException {
        StoredFile file = add("acme", "x", null);
        for (String bad :
                List.of("", "..", "../lock", "file-", file.id() + "/..", file.id().toUpperCase())) {
            assertNull(store.find("acme", bad), bad);
        }
    }

    @Test
    void oneGatewayAtATimeUsesAFolder() {
        String message =
                assertThrows(IllegalStateException.class, () -> new FileStore(dir, () -> now))
                        .getMessage();
        assertTrue(message.contains("another gateway"), message);
    }

    @Test
    void aCursorStaysGoodAfterItsFileIsDeleted() throws IOException {
        List<StoredFile> files =
                List.of(
                        add("a", "1", null),
                        add("a", "2", null),
                        add("b", "x", null),
                        add("a", "3", null));
        Page<StoredFile> first = store.list("a", new PageRequest(null, 2, false), each -> true);
        assertEquals(List.of(files.get(3), files.get(1)), first.items());
        assertTrue(first.hasMore());
        store.delete(files.get(1).id());
        PageRequest next = new PageRequest(files.get(1).id(), 2, false);
        Page<StoredFile> second = store.list("a", next, each -> true);
        assertEquals(List.of(files.get(0)), second.items());
        assertFalse(second.hasMore());
        PageRequest oldestFirst = new PageRequest(files.get(0).id(), 1, true);
        assertEquals(List.of(files.get(3)), store.list("a", oldestFirst, each -> true).items());
    }

    @Test
    void idsGrowEvenWhenTheClockStandsStillOrGoesBack() {
        String last = ids.next(Ids.FILE);
        for (int i = 0; i < 1000; i++) {
            now = i == 500 ? START.minusSeconds(60) : now;
            String next = ids.next(Ids.FILE);
            assertTrue(next.compareTo(last) > 0, next + " after " + last);
            assertTrue(Ids.isValid(Ids.FILE, next));
            last = next;
        }
    }

    private long entries(String folder) throws IOException {
        try (Stream<Path> list = Files.list(dir.resolve(folder))) {
            return list.count();
        }
    }
}
