package dev.millrace.ops.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.http.Oversized;
import dev.millrace.schemas.registry.RegistryClientConfig.Endpoint;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What every endpoint of the registry refuses, endpoint by endpoint. */
class RegistryRefusalsTest {
    private static final String USER = "millrace:cret";
    private static final List<String> METHODS = List.of("GET", "POST", "PUT", "PATCH", "DELETE");
    private static final Map<String, List<String>> ENDPOINTS = endpoints();

    private SchemaRegistryServer server;
    private RegistryProbe probe;

    private static Map<String, List<String>> endpoints() {
        Map<String, List<String>> table = new LinkedHashMap<>();
        table.put("/subjects", List.of("GET"));
        table.put("/subjects/s", List.of("POST", "DELETE"));
        table.put("/subjects/s/versions", List.of("GET", "POST"));
        table.put("/subjects/s/versions/1", List.of("GET", "DELETE"));
        table.put("/subjects/s/versions/1/schema", List.of("GET"));
        table.put("/subjects/s/versions/1/referencedby", List.of("GET"));
        table.put("/schemas/ids/1", List.of("GET"));
        table.put("/schemas/types", List.of("GET"));
        table.put("/compatibility/subjects/s/versions/1", List.of("POST"));
        table.put("/config", List.of("GET", "PUT", "DELETE"));
        table.put("/config/s", List.of("GET", "PUT", "DELETE"));
        table.put("/mode", List.of("GET", "PUT", "DELETE"));
        table.put("/mode/s", List.of("GET", "PUT", "DELETE"));
        table.put("/contexts", List.of("GET"));
        return table;
    }

    @BeforeEach
    void open() {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        server = new SchemaRegistryServer(new RegistryConfig(any, null, "BACKWARD", USER)).start();
        probe = new RegistryProbe(server.url(), Endpoint.basic(USER));
        assertEquals(200, probe.post("/subjects/s/versions", "\"int\"").status());
    }

    @AfterEach
    void close() {
        probe.close();
        server.close();
    }

    @Test
    void nothingIsAnsweredWithoutCredentials() {
        for (String wrong : new String[] {null, "", "Basic", "Bearer x", Endpoint.basic("millrace:")}) {
            try (RegistryProbe other = new RegistryProbe(server.url(), wrong)) {
                ENDPOINTS.keySet().forEach(path -> METHODS.forEach(method ->
                        assertEquals(401, status(other, method, path), method + " " + path)));
            }
        }
        assertStillThere();
    }

    @Test
    void everyOtherMethodIsRefused() {
        ENDPOINTS.forEach((path, allowed) -> METHODS.stream()
                .filter(method -> !allowed.contains(method))
                .forEach(method -> assertEquals(405, status(probe, method, path), method + " " + path)));
        assertStillThere();
    }

    @Test
    void bodiesThatAreTooLargeOrNoJsonObjectChangeNothing() {
        int refused = 0;
        for (Map.Entry<String, List<String>> each : ENDPOINTS.entrySet()) {
            for (String method : List.of("POST", "PUT")) {
                if (!each.getValue().contains(method)) {
                    continue;
                }
                String path = each.getKey();
                for (String body : List.of("{", "[1]", "\u0000", "{\"schema\":", "[".repeat(5_000), "{}")) {
                    int status = probe.send(method, path, body, RegistryProbe.TYPE).status();
                    assertTrue(status == 400 || status == 422, method + path + body + ": " + status);
                }
                assertEquals(413, probe.send(method, path, " ".repeat(5 << 20), RegistryProbe.TYPE).status());
                assertEquals(415, probe.send(method, path, "x=1", "text/csv").status());
                refused++;
            }
        }
        assertEquals(7, refused);
        assertStillThere();
    }

    @Test
    void unknownIdsAndLargeHeadsAreRefused() throws Exception {
        for (String path : List.of("/subjects/none/versions", "/subjects/s/versions/9",
                "/schemas/ids/9", "/nonsense", "/subjects/s/nonsense", "/schemas/ids/1/x/y")) {
            assertEquals(404, status(probe, "GET", path), path);
        }
        for (String path : List.of("/subjects/s/versions/x", "/subjects/s/versions/0",
                "/schemas/ids/x", "/schemas/ids/99999999999999")) {
            int status = status(probe, "GET", path);
            assertTrue(status >= 400 && status < 500, path + ": " + status);
        }
        String credentials = "Authorization: " + Endpoint.basic(USER) + "\r\n";
        for (String path : ENDPOINTS.keySet()) {
            Oversized.assertRefused(server.url(), "GET", path, credentials);
        }
        assertStillThere();
    }

    private static int status(RegistryProbe probe, String method, String path) {
        return probe.send(method, path, null, RegistryProbe.TYPE).status();
    }

    /** The control, and the harm that a refused request may not have done. */
    private void assertStillThere() {
        assertEquals("\"int\"", probe.get("/subjects/s/versions/1").body().path("schema").asText());
        assertEquals("BACKWARD", probe.get("/config").body().path("compatibilityLevel").asText());
        assertEquals(1, probe.get("/subjects/s/versions").body().size());
    }
}
