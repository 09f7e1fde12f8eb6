package dev.millrace.ops.http;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** Requests whose head is larger than anybody's, sent over a bare socket. */
public final class Oversized {
    private static final int VALUE_CHARS = 1 << 20;
    private static final int HEADERS = 1_000;
    private static final int PATIENCE_MS = 30_000;

    private Oversized() {}

    /** Checks that a long path, a long header and many headers are each refused or cut off. */
    public static void assertRefused(String url, String method, String path, String credentials)
            throws IOException {
        String start = method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + credentials;
        assertTrue(isAnswered(url, start + "\r\n"), "the control: " + start + " has no answer");
        String longHeader = start + "X-Long: " + "x".repeat(VALUE_CHARS) + "\r\n\r\n";
        String longPath =
                start.replaceFirst(" HTTP/1.1", "?x=" + "x".repeat(VALUE_CHARS) + " HTTP/1.1");
        StringBuilder many = new StringBuilder(start);
        for (int i = 0; i < HEADERS; i++) {
            many.append("X-").append(i).append(": x\r\n");
        }
        for (String head : new String[] {longHeader, longPath + "\r\n", many + "\r\n"}) {
            String reply = exchange(url, head);
            assertTrue(
                    reply.isEmpty() || reply.matches("HTTP/1.1 4(00|13|14|31) .*"),
                    method + " " + path + " with a large head: " + reply);
        }
    }

    private static boolean isAnswered(String url, String head) throws IOException {
        return exchange(url, head).matches("HTTP/1.1 [2345]\\d\\d .*");
    }

    /** The answer's first line; empty when the server has cut the connection off. */
    private static String exchange(String url, String head) throws IOException {
        URI uri = URI.create(url);
        try (Socket socket = new Socket(uri.getHost(), uri.getPort())) {
            socket.setSoTimeout(PATIENCE_MS);
            OutputStream out = socket.getOutputStream();
            out.write(head.getBytes(StandardCharsets.US_ASCII));
            out.flush();
            BufferedReader in =
                    new BufferedReader(
                            new InputStreamReader(
                                    socket.getInputStream(), StandardCharsets.US_ASCII));
            String line = in.readLine();
            return line == null ? "" : line;
        } catch (SocketException e) {
            return "";
        }
    }
}
