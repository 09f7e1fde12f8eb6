package dev.millrace.schemas.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.registry.StubRegistry.Answer;
import java.io.IOException;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What goes over the wire, how often, and what is made of the answers. The real servers: see the module
 * {@code it}.
 */
class RestSchemaRegistryClientTest {
    private static final Schema TEXT = Schema.create(Schema.Type.STRING);
    private static final Duration SOON = Duration.ofMillis(1);

    private static RestSchemaRegistryClient client(String urls) {
        return new RestSchemaRegistryClient(RegistryClientConfig.of(urls).withRetries(2, SOON, SOON));
    }

    private static Answer error(int status, int code, String message) {
        return new Answer(status, "{\"error_code\":%d,\"message\":\"%s\"}".formatted(code, message));
    }

    /** A port on which nobody listens. */
    private static String deadUrl() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return "http://127.0.0.1:" + socket.getLocalPort();
        }
    }

    @Test
    void registersOncePerSubjectAndSchemaHoweverManyThreadsAsk() throws Exception {
        CountDownLatch together = new CountDownLatch(8);
        try (var stub = new StubRegistry(r -> new Answer(200, "{\"id\":7}")); var client = client(stub.url());
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> ids = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                ids.add(threads.submit(() -> {
                    together.countDown();
                    together.await();
                    return client.register("a/b c", TEXT);
                }));
            }
            for (Future<Integer> id : ids) {
                assertEquals(7, id.get());
            }
            assertEquals(1, stub.requests.size());
            var request = stub.requests.getFirst();
            assertEquals("POST /subjects/a%2Fb%20c/versions", request.method() + " " + request.path());
            assertEquals("{\"schema\":\"\\\"string\\\"\"}", request.body());
            assertEquals("application/vnd.schemaregistry.v1+json", request.header("Content-type"));
            assertTrue(request.header("Accept").startsWith("application/vnd.schemaregistry.v1+json"));
            assertEquals(TEXT, client.byId(7), "known from registering");
            assertEquals(1, stub.requests.size());
            client.register("other", TEXT);
            client.lookup("a/b c", TEXT);
            client.lookup("a/b c", TEXT);
            assertEquals(3, stub.requests.size(), "one more for each of the two new questions");
        }
    }

    @Test
    void asksForAnIdOnceAndForTheLatestEachTime() {
        try (var stub = new StubRegistry(r -> r.path().startsWith("/schemas")
                ? new Answer(200, "{\"schema\":\"\\\"string\\\"\"}")
                : new Answer(200,
                "{\"subject\":\"s\",\"id\":4,\"version\":2,\"schema\":\"\\\"string\\\"\"}"));
                var client = client(stub.url())) {
            assertEquals(TEXT, client.byId(5));
            assertEquals(TEXT, client.byId(5));
            assertEquals(1, stub.requests.size());
        }
        try (var stub = new StubRegistry(r ->
                new Answer(200, "{\"subject\":\"s\",\"id\":4,\"version\":2,\"schema\":\"\\\"string\\\"\"}"));
                var client = client(stub.url())) {
            assertEquals(new RegisteredSchema("s", 4, 2, TEXT), client.latest("s"));
            client.latest("s");
            assertEquals(2, stub.requests.size());
            assertEquals(TEXT, client.byId(4));
            assertEquals(2, stub.requests.size());
        }
    }

    @Test
    void aSchemaIsParsedAfterThoseItRefersTo() {
        String inner = "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"In\\\",\\\"fields\\\":[]}";
        String outer =
                "{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"Out\\\",\\\"fields\\\":["
                        + "{\\\"name\\\":\\\"i\\\",\\\"type\\\":\\\"In\\\"}]}";
        try (var stub = new StubRegistry(r -> r.path().startsWith("/schemas/ids/1")
                ? new Answer(200, "{\"schema\":\"" + outer
                + "\",\"references\":[{\"name\":\"In\",\"subject\":\"in\",\"version\":3}]}")
                : new Answer(200, "{\"subject\":\"in\",\"version\":3,\"id\":2,\"schema\":\"" + inner
                + "\"}")); var client = client(stub.url())) {
            assertEquals("In", client.byId(1).getField("i").schema().getName());
            assertEquals("/subjects/in/versions/3", stub.requests.get(1).path());
        }
    }

    @Test
    void errorsCarryTheRegistrysCodeAndNoCredentials() {
        try (var stub = new StubRegistry(r -> error(404, 40403, "Schema 9 not found"));
                var client = client("http://user:secret@" + stub.hostAndPort())) {
            var e = assertThrows(RegistryException.class, () -> client.byId(9));
            assertEquals(40403, e.errorCode());
            assertTrue(e.getMessage().contains("Schema 9 not found")
                    && e.getMessage().contains(stub.hostAndPort()), e.getMessage());
            assertFalse(e.getMessage().contains("secret"), e.getMessage());
            assertFalse(e instanceof RegistryUnavailableException);
            assertEquals(1, stub.requests.size(), "a refusal is final");
            assertEquals(RegistryClientConfig.Endpoint.basic("user:secret"),
                    stub.requests.getFirst().header("Authorization"));
        }
        try (var stub = new StubRegistry(r -> error(409, 409, "incompatible"));
                var client = client(stub.url())) {
            var e = assertThrows(RegistryException.class, () -> client.register("s", TEXT));
            assertEquals(RegistryException.INCOMPATIBLE_SCHEMA, e.errorCode());
            assertThrows(RegistryException.class, () -> client.register("s", TEXT));
            assertEquals(2, stub.requests.size(), "an error is not remembered");
        }
        try (var stub = new StubRegistry(r -> new Answer(404, "<html>no such page</html>"));
                var client = client(stub.url())) {
            assertEquals(404, assertThrows(RegistryException.class, () -> client.byId(9)).errorCode());
        }
        try (var stub = new StubRegistry(r -> new Answer(200, "<html>hello</html>"));
                var client = client(stub.url())) {
            assertTrue(assertThrows(RegistryException.class, () -> client.byId(9)).getMessage()
                    .contains("is this a schema registry?"));
        }
        try (var stub =
                new StubRegistry(
                r -> new Answer(200, "{\"schemaType\":\"PROTOBUF\",\"schema\":\"x\"}"));
                var client = client(stub.url())) {
            assertInstanceOf(UnreadableSchemaException.class,
                    assertThrows(RegistryException.class, () -> client.byId(9)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 502, 503, 429})
    void transientAnswersAreTriedAgain(int status) {
        AtomicInteger calls = new AtomicInteger();
        try (var stub = new StubRegistry(r -> calls.incrementAndGet() < 3
                ? error(status, status * 100 + 1, "busy") : new Answer(200, "{\"id\":1}"));
                var client = client(stub.url())) {
            assertEquals(1, client.register("s", TEXT));
            assertEquals(3, calls.get());
        }
    }

    @Test
    void retriesAreBoundedAndEndAsUnavailable() {
        try (var stub = new StubRegistry(r -> error(503, 50301, "still starting"));
                var client = client(stub.url())) {
            var e = assertThrows(RegistryUnavailableException.class, () -> client.byId(1));
            assertEquals(3, stub.requests.size());
            assertTrue(e.getMessage().contains("still starting")
                    && e.getMessage().contains(stub.hostAndPort()), e.getMessage());
            assertTrue(RegistryUnavailableException.isCauseOf(new RuntimeException(e)));
        }
    }

    @Test
    void theNextUrlStandsInAndIsKept() throws IOException {
        try (var stub = new StubRegistry(r -> new Answer(200, "{\"id\":1}"));
                var sick = new StubRegistry(r -> error(500, 50001, "store"));
                var client = client(deadUrl() + ", " + sick.url() + "," + stub.url())) {
            client.register("a", TEXT);
            client.register("b", TEXT);
            assertEquals(2, stub.requests.size());
            assertEquals(1, sick.requests.size(), "the one that answered comes first from then on");
        }
        try (var client = client(deadUrl())) {
            assertThrows(RegistryUnavailableException.class, () -> client.byId(1));
        }
    }

    @Test
    void anUnknownIdIsRememberedForAsLongAsConfigured() {
        AtomicLong now = new AtomicLong();
        try (var stub = new StubRegistry(r -> error(404, 40403, "no"));
                var client = new RestSchemaRegistryClient(RegistryProperties.parse(
                        Map.of("schema.registry.url", stub.url(), "missing.id.cache.ttl.sec", "10")),
                        now::get)) {
            for (int i = 0; i < 5; i++) {
                assertEquals(40403, assertThrows(RegistryException.class, () -> client.byId(3)).errorCode());
            }
            assertEquals(1, stub.requests.size());
            now.addAndGet(Duration.ofSeconds(11).toNanos());
            assertThrows(RegistryException.class, () -> client.byId(3));
            assertEquals(2, stub.requests.size());
        }
    }

    @Test
    void aProgramThatMakesUpSchemasIsStopped() {
        AtomicInteger ids = new AtomicInteger();
        try (var stub = new StubRegistry(r -> new Answer(200, "{\"id\":" + ids.incrementAndGet() + "}"));
                var client = new RestSchemaRegistryClient(RegistryProperties.parse(
                        Map.of("schema.registry.url", stub.url(), "max.schemas.per.subject", 2)))) {
            client.register("s", Schema.createFixed("A", null, null, 1));
            client.register("s", Schema.createFixed("A", null, null, 2));
            var e = assertThrows(IllegalStateException.class,
                    () -> client.register("s", Schema.createFixed("A", null, null, 3)));
            assertTrue(e.getMessage().contains("max.schemas.per.subject=2"), e.getMessage());
        }
    }

    @Test
    void compatibilityQuestions() {
        try (var stub = new StubRegistry(r -> r.path().startsWith("/config")
                ? new Answer(200, "{\"compatibilityLevel\":\"FULL\"}")
                : new Answer(200, "{\"is_compatible\":false,\"messages\":[\"because\"]}"));
                var client = client(stub.url())) {
            assertEquals(List.of("because"), client.incompatibilities("s", TEXT));
            assertFalse(client.compatible("s", TEXT));
            assertEquals("/compatibility/subjects/s/versions?verbose=true", stub.requests.getFirst().path());
            assertEquals(CompatibilityLevel.FULL, client.compatibilityLevel("s"));
            client.setCompatibilityLevel("s", CompatibilityLevel.BACKWARD_TRANSITIVE);
            assertEquals("{\"compatibility\":\"BACKWARD_TRANSITIVE\"}", stub.requests.getLast().body());
        }
    }
}
