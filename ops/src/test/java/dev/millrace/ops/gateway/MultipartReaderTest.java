package dev.millrace.ops.gateway;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.gateway.MultipartReader.MalformedException;
import dev.millrace.ops.gateway.MultipartReader.Part;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

class MultipartReaderTest {
    private static final String BOUNDARY = "----b";

    /** Gives at most so many bytes a read, as a network does. */
    private static InputStream inChunks(byte[] bytes, int chunk) {
        return new ByteArrayInputStream(bytes) {
            @Override
            public synchronized int read(byte[] target, int offset, int length) {
                return super.read(target, offset, Math.min(length, chunk));
            }
        };
    }

    private static byte[] form(byte[]... contents) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (int i = 0; i < contents.length; i++) {
            String head =
                    "--"
                            + BOUNDARY
                            + "\r\nContent-Disposition: form-data; name=\"p"
                            + i
                            + "\"; filename=\"f"
                            + i
                            + "\"\r\nContent-Type: text/plain\r\n\r\n";
            body.writeBytes(head.getBytes(StandardCharsets.UTF_8));
            body.writeBytes(contents[i]);
            body.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
        }
        body.writeBytes(("--" + BOUNDARY + "--\r\n").getBytes(StandardCharsets.UTF_8));
        return body.toByteArray();
    }

    private static MultipartReader reader(String body) {
        return new MultipartReader(
                new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)), BOUNDARY);
    }

    @Test
    void contentThatLooksLikeABoundaryIsKeptHoweverItIsSplit() throws IOException {
        byte[] first = "\r\n--".getBytes(StandardCharsets.UTF_8);
        byte[] second = "a\r\n----\r\n------\r\n------ b\r\r\n-".getBytes(StandardCharsets.UTF_8);
        byte[] empty = {};
        byte[] body = form(first, second, empty);
        for (int chunk = 1; chunk <= body.length; chunk++) {
            MultipartReader reader = new MultipartReader(inChunks(body, chunk), BOUNDARY);
            for (byte[] expected : new byte[][] {first, second, empty}) {
                Part part = reader.next();
                assertArrayEquals(expected, part.content().readAllBytes(), "chunks of " + chunk);
            }
            assertNull(reader.next());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void randomContentLargerThanTheBufferComesThrough(long seed) throws IOException {
        Random random = new Random(seed);
        byte[] content = new byte[200_000 + random.nextInt(100_000)];
        byte[] alphabet = {'\r', '\n', '-', 'b', 'x'};
        for (int i = 0; i < content.length; i++) {
            content[i] = alphabet[random.nextInt(alphabet.length)];
        }
        byte[] wall = ("\r\n--" + BOUNDARY).getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i + wall.length <= content.length; i++) {
            if (Arrays.equals(content, i, i + wall.length, wall, 0, wall.length)) {
                content[i] = 'x';
            }
        }
        InputStream in = inChunks(form(content, content), 1 + random.nextInt(5000));
        MultipartReader reader = new MultipartReader(in, BOUNDARY);
        assertArrayEquals(content, reader.next().content().readAllBytes(), "seed " + seed);
        assertArrayEquals(content, reader.next().content().readAllBytes(), "seed " + seed);
        assertNull(reader.next());
    }

    @Test
    void whatIsNotReadIsPassedOver() throws IOException {
        MultipartReader reader =
                new MultipartReader(
                        inChunks(
                                form(new byte[100_000], "y".getBytes(StandardCharsets.UTF_8)), 999),
                        BOUNDARY);
        assertEquals(0, reader.next().content().read());
        assertEquals("p1", reader.next().name());
        assertNull(reader.next());
    }

    @Test
    void namesAreReadAsClientsWriteThem() throws IOException {
        MultipartReader reader =
                reader(
                        "preamble\r\n"
                            + "------b \t\r\n"
                            + "content-disposition: form-data; name=purpose\r\n\r\n"
                            + "batch\r\n"
                            + "------b\r\n"
                            + "X: y\r\n"
                            + "Content-Disposition: form-data; name=\"file\"; filename=\"a"
                            + " %22ü\\\\b.jsonl\"\r\n\r\n\r\n"
                            + "------b--");
        Part purpose = reader.next();
        assertEquals("purpose", purpose.name());
        assertNull(purpose.fileName());
        assertEquals("batch", new String(purpose.content().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals("a \"ü\\b.jsonl", reader.next().fileName());
        assertNull(reader.next());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "no boundary at all",
                "------b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut off",
                "------b\r\nContent-Disposition: form-data; name=\"a\"",
                "------b\r\n\r\nno header\r\n------b--",
                "------b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n------b--",
                "------bX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n------b--",
                "------b"
            })
    void malformedFormsAreNamed(String body) {
        MultipartReader reader = reader(body);
        assertNotNull(
                assertThrows(
                                MalformedException.class,
                                () -> {
                                    for (Part p = reader.next(); p != null; p = reader.next()) {
                                        p.content().readAllBytes();
                                    }
                                })
                        .getMessage());
    }

    @Test
    void headersAreBounded() {
        String body = "------b\r\nX: " + "y".repeat(20_000) + "\r\n\r\n";
        String message = assertThrows(MalformedException.class, reader(body)::next).getMessage();
        assertTrue(message.contains("longer than"), message);
    }

    @Test
    void theBoundaryComesOutOfTheContentType() {
        assertEquals("abc", MultipartReader.boundaryOf("multipart/form-data; boundary=abc"));
        assertEquals(
                "a b",
                MultipartReader.boundaryOf("Multipart/Form-Data;charset=x; BOUNDARY=\"a b\""));
        assertNull(MultipartReader.boundaryOf("multipart/form-data"));
        assertNull(MultipartReader.boundaryOf("multipart/mixed; boundary=abc"));
        assertNull(MultipartReader.boundaryOf(null));
        assertNull(MultipartReader.boundaryOf("multipart/form-data; boundary=" + "x".repeat(71)));
    }
}
