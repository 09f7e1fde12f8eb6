package dev.millrace.ops.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

class WholeLinesTest {
    private static final String TEXT = "one\ntwo\nthree";

    private static WholeLines lines() {
        return new WholeLines(new ByteArrayInputStream(TEXT.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void passesEverythingUntilItIsEnded() throws IOException {
        assertEquals(TEXT, new String(lines().readAllBytes(), StandardCharsets.UTF_8));
    }

    @Test
    void endsBehindTheLineThatIsBeingReadHoweverMuchWasRead() throws IOException {
        for (int read = 0; read <= TEXT.length(); read++) {
            WholeLines lines = lines();
            String before = new String(lines.readNBytes(read), StandardCharsets.UTF_8);
            lines.end();
            String all = before + new String(lines.readAllBytes(), StandardCharsets.UTF_8);
            String expected =
                    read == 0 ? "" : read <= 4 ? "one\n" : read <= 8 ? "one\ntwo\n" : TEXT;
            assertEquals(expected, all, "after " + read + " bytes");
        }
    }

    @Test
    void anAbortIsAnError() {
        WholeLines lines = lines();
        lines.abort();
        assertThrows(IOException.class, lines::read);
    }
}
