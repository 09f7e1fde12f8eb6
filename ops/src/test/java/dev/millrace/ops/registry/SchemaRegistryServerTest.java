package dev.millrace.ops.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.schemas.registry.CompatibilityLevel;
import dev.millrace.schemas.registry.RegistryClientConfig;
import dev.millrace.schemas.registry.RegistryClientConfig.Endpoint;
import dev.millrace.schemas.registry.RegistryException;
import dev.millrace.schemas.registry.RestSchemaRegistryClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is ours alone: the file, the lock, credentials, limits. */
class SchemaRegistryServerTest {
    private static final Schema ONE = SchemaBuilder.record("R").fields().requiredInt("a").endRecord();
    private static final Schema TWO = SchemaBuilder.record("R").fields().requiredInt("a").optionalInt("b")
            .endRecord();

    @TempDir
    Path folder;

    private static InetSocketAddress free() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    }

    private SchemaRegistryServer server(Path file) {
        return new SchemaRegistryServer(new RegistryConfig(free(), file, "BACKWARD", null)).start();
    }

    private static RestSchemaRegistryClient client(SchemaRegistryServer server) {
        return new RestSchemaRegistryClient(RegistryClientConfig.of(server.url()));
    }

    @Test
    void everythingSurvivesARestart() {
        Path file = folder.resolve("new/folder/registry.jsonl");
        int first;
        try (SchemaRegistryServer server = server(file); var client = client(server);
                var probe = new RegistryProbe(server.url())) {
            first = client.register("s", ONE);
            client.register("s", TWO);
            client.register("gone", Schema.create(Schema.Type.LONG));
            client.setCompatibilityLevel("s", CompatibilityLevel.FULL_TRANSITIVE);
            probe.delete("/subjects/gone");
            probe.delete("/subjects/gone?permanent=true");
            probe.delete("/subjects/s/versions/1");
            probe.put("/mode", "{\"mode\":\"READONLY\"}");
        }
        try (SchemaRegistryServer server = server(file); var client = client(server);
                var probe = new RegistryProbe(server.url())) {
            assertEquals(List.of("s"), client.subjects());
            assertEquals(List.of(2), client.versions("s"));
            assertEquals(ONE, client.byId(first));
            assertEquals(TWO, client.latest("s").schema());
            assertEquals(CompatibilityLevel.FULL_TRANSITIVE, client.compatibilityLevel("s"));
            assertEquals("READONLY", probe.get("/mode").body().path("mode").asText());
            probe.delete("/mode");
            assertEquals(4, client.register("t", Schema.create(Schema.Type.INT)),
                    "id 3 was given once and is not given again");
        }
    }

    @Test
    void anUnfinishedLastLineIsCutOffAndTheNextChangeFollowsCleanly() throws IOException {
        Path file = folder.resolve("r.jsonl");
        try (SchemaRegistryServer server = server(file); var client = client(server)) {
            client.register("s", ONE);
        }
        Files.writeString(file, "{\"change\":\"register\",\"subj", StandardOpenOption.APPEND);
        try (SchemaRegistryServer server = server(file); var client = client(server)) {
            assertEquals(List.of(1), client.versions("s"));
            client.register("s", TWO);
        }
        try (SchemaRegistryServer server = server(file); var client = client(server)) {
            assertEquals(List.of(1, 2), client.versions("s"));
        }
    }

    @Test
    void aFileThatIsBrokenOrSomethingElseIsNamedWithItsLine() throws IOException {
        Path broken = folder.resolve("broken.jsonl");
        try (SchemaRegistryServer server = server(broken); var client = client(server)) {
            client.register("s", ONE);
        }
        Files.writeString(broken, Files.readString(broken).replace("register", "regster"));
        var e = assertThrows(IllegalStateException.class, () -> server(broken));
        assertTrue(e.getMessage().contains(broken + ", line 2"), e.getMessage());
        Path foreign = Files.writeString(folder.resolve("notes.txt"), "hello\n");
        assertThrows(IllegalStateException.class, () -> server(foreign));
        assertEquals("hello\n", Files.readString(foreign), "a file that is not ours is left as it is");
    }

    @Test
    void twoServersDoNotShareAFile() {
        Path file = folder.resolve("r.jsonl");
        try (SchemaRegistryServer server = server(file)) {
            assertTrue(server.url().startsWith("http://127.0.0.1:"));
            var e = assertThrows(IllegalStateException.class, () -> server(file));
            assertTrue(e.getMessage().contains("in use"), e.getMessage());
        }
        server(file).close();
    }

    @Test
    void anAddressInUseIsNamed() {
        try (SchemaRegistryServer server = server(null)) {
            int port = Integer.parseInt(server.url().replaceAll(".*:", ""));
            var taken = new SchemaRegistryServer(
                    RegistryConfig.inMemory(new InetSocketAddress("127.0.0.1", port)));
            var e = assertThrows(UncheckedIOException.class, taken::start);
            assertTrue(e.getMessage().contains(Integer.toString(port)), e.getMessage());
        }
    }

    @Test
    void credentialsAreAskedOfEverybody() {
        var config = new RegistryConfig(free(), null, "BACKWARD", "millrace:se:cret");
        try (var server = new SchemaRegistryServer(config).start();
                var without = new RegistryProbe(server.url());
                var wrong = new RegistryProbe(server.url(), Endpoint.basic("millrace:other"));
                var right = new RegistryProbe(server.url(), Endpoint.basic("millrace:se:cret"))) {
            assertEquals(401, without.get("/subjects").status());
            assertEquals(401, wrong.get("/subjects").status());
            assertEquals(200, right.get("/subjects").status());
            String url = server.url().replace("//", "//millrace:se:cret@");
            try (var client = new RestSchemaRegistryClient(RegistryClientConfig.of(url))) {
                assertEquals(1, client.register("s", ONE));
            }
            assertTrue(!config.toString().contains("cret"), config.toString());
        }
    }

    @Test
    void whatIsTooLargeOrNotSupportedIsRefusedByName() {
        try (SchemaRegistryServer server = server(null); var probe = new RegistryProbe(server.url())) {
            String path = "/subjects/s/versions";
            assertEquals(413, probe.send("POST", path, " ".repeat(5 << 20), RegistryProbe.TYPE).status());
            for (String member : List.of("\"references\":[{\"name\":\"a\"}]", "\"metadata\":{\"a\":1}",
                    "\"nonsense\":1")) {
                var answer = probe.send("POST", path, "{\"schema\":\"\\\"int\\\"\"," + member + "}",
                        RegistryProbe.TYPE);
                assertEquals(422, answer.status());
                assertTrue(answer.body().path("message").asText().contains(member.substring(1, 8)),
                        answer.toString());
            }
            assertEquals(200, probe.send("POST", path,
                    "{\"schema\":\"\\\"int\\\"\",\"references\":[],\"ruleSet\":null}", RegistryProbe.TYPE)
                    .status());
            assertEquals(422, probe.post("/subjects/:.ctx:s/versions", "\"int\"").status());
            assertEquals(415, probe.send("POST", path, "schema=1", "text/csv").status());
            assertEquals(405, probe.delete("/schemas/types").status());
            assertEquals(400, probe.get("/subjects?deleted=perhaps").status());
            var bad = probe.post(path,
                    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                            + "{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}]}");
            assertEquals(42201, bad.code(), bad.toString());
        }
    }

    @Test
    void normalizingPutsPropertiesInOrder() {
        String one = "{\"type\":\"string\",\"zz\":1,\"aa\":2}";
        String other = "{\"aa\":2,\"zz\":1,\"type\":\"string\"}";
        try (SchemaRegistryServer server = server(null); var probe = new RegistryProbe(server.url())) {
            assertEquals(1, probe.post("/subjects/n/versions?normalize=true", one).body().path("id").asInt());
            assertEquals(1, probe.post("/subjects/n/versions?normalize=true", other).body().path("id")
                    .asInt());
            assertEquals(200, probe.post("/subjects/n?normalize=true", one).status());
            assertEquals(1, probe.post("/subjects/m/versions", other).body().path("id").asInt(),
                    "the normalized text is the same text");
            assertEquals(2, probe.post("/subjects/m/versions", one).body().path("id").asInt(),
                    "without it, order counts");
        }
    }

    @Test
    void manyClientsAtOnceGetOneIdPerSchema() throws Exception {
        try (SchemaRegistryServer server = server(folder.resolve("c.jsonl"));
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> ids = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                Schema schema = Schema.createFixed("F" + i % 8, null, null, 4);
                String subject = "s" + i % 8;
                ids.add(threads.submit(() -> {
                    try (var client = client(server)) {
                        return client.register(subject, schema);
                    }
                }));
            }
            Set<Integer> distinct = new HashSet<>();
            for (Future<Integer> id : ids) {
                distinct.add(id.get());
            }
            assertEquals(Set.of(1, 2, 3, 4, 5, 6, 7, 8), distinct);
        }
    }

    @Test
    void badSettingsAreRefused() {
        assertThrows(IllegalArgumentException.class,
                () -> new RegistryConfig(free(), null, "SIDEWAYS", null));
        assertThrows(IllegalArgumentException.class,
                () -> new RegistryConfig(free(), null, "FULL", "no-colon"));
        assertThrows(IllegalArgumentException.class, () -> new RegistryConfig(null, null, "FULL", null));
        try (SchemaRegistryServer server = server(null); var client = client(server)) {
            assertEquals(RegistryException.SUBJECT_NOT_FOUND,
                    assertThrows(RegistryException.class, () -> client.latest("none")).errorCode());
        }
    }
}
