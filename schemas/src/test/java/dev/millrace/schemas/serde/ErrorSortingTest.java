package dev.millrace.schemas.serde;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.millrace.schemas.PromptJob;
import dev.millrace.schemas.TestRecords;
import dev.millrace.schemas.registry.RegistryException;
import dev.millrace.schemas.registry.RegistryUnavailableException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.common.errors.SerializationException;
import org.junit.jupiter.api.Test;

/**
 * The caller's three cases, told apart by class: set the record aside, try it again, or stop. Mistaking one
 * loses data or hangs.
 */
class ErrorSortingTest {
    private static final byte[] FRAMED = {0, 0, 0, 0, 9, 1, 2, 3};

    private static SerializationException readAgainst(int status, String body) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
        server.start();
        try (AvroSerde<PromptJob> serde = serde(server.getAddress().getPort())) {
            return assertThrows(SerializationException.class,
                    () -> serde.deserializer().deserialize("prompts", FRAMED));
        } finally {
            server.stop(0);
        }
    }

    private static AvroSerde<PromptJob> serde(int port) {
        return AvroSerde.forValues(PromptJob.class, Map.of("schema.registry.url", "http://127.0.0.1:" + port,
                "max.retries", "1", "retries.wait.ms", "1"));
    }

    @Test
    void unreadableForEver() throws IOException {
        assertTrue(WireFormatException.isCauseOf(
                readAgainst(404, "{\"error_code\":40403,\"message\":\"Schema 9 not found\"}")));
        assertTrue(WireFormatException.isCauseOf(
                readAgainst(200, "{\"schema\":\"syntax = proto3\",\"schemaType\":\"PROTOBUF\"}")));
        assertTrue(WireFormatException.isCauseOf(readAgainst(200, "{\"schema\":\"\\\"no-such-type\\\"\"}")));
    }

    @Test
    void tryAgain() throws IOException {
        for (int status : new int[] {500, 503, 429}) {
            var e = readAgainst(status, "{\"error_code\":50001,\"message\":\"store\"}");
            assertTrue(RegistryUnavailableException.isCauseOf(e), e.toString());
            assertFalse(WireFormatException.isCauseOf(e), e.toString());
        }
        try (AvroSerde<PromptJob> nobodyThere = serde(1)) {
            assertThrows(RegistryUnavailableException.class,
                    () -> nobodyThere.deserializer().deserialize("prompts", FRAMED));
            assertThrows(RegistryUnavailableException.class,
                    () -> nobodyThere.serializer().serialize("prompts", TestRecords.promptJob("j")));
        }
    }

    @Test
    void stop() throws IOException {
        for (int status : new int[] {401, 403, 404}) {
            var e = readAgainst(status, "<html>a proxy, or a path that is no registry's</html>");
            assertEquals(RegistryException.class, e.getClass());
            assertFalse(WireFormatException.isCauseOf(e) || RegistryUnavailableException.isCauseOf(e),
                    e.toString());
            assertTrue(e.getMessage().contains("topic prompts")
                    && e.getMessage().contains(Integer.toString(status)), e.getMessage());
        }
    }
}
