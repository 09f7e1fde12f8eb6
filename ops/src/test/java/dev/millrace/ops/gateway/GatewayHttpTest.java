package dev.millrace.ops.gateway;

import static dev.millrace.ops.gateway.GatewayDriver.BOUNDARY;
import static dev.millrace.ops.gateway.GatewayDriver.FILE_BYTES_MAX;
import static dev.millrace.ops.gateway.GatewayDriver.field;
import static dev.millrace.ops.gateway.GatewayDriver.file;
import static dev.millrace.ops.gateway.GatewayDriver.form;
import static dev.millrace.ops.gateway.GatewayDriver.json;
import static dev.millrace.ops.gateway.GatewayDriver.refused;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** What the HTTP side takes and refuses. */
class GatewayHttpTest {
    private static final String LINE =
            "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/completions\","
                    + "\"body\":{\"model\":\"m\",\"prompt\":\"x\"}}\n";
    private static final String CREATE =
            "{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/completions\",\"completion_window\":\"%s\"%s}";

    @TempDir Path dir;
    private GatewayDriver api;

    @BeforeEach
    void open() {
        api = new GatewayDriver(dir);
    }

    @AfterEach
    void close() {
        api.close();
    }

    @Test
    void everyRequestNeedsAKey() throws Exception {
        for (String header : List.of("Bearer wrong", "Bearer ", "Basic acme-key", "acme-key")) {
            JsonNode error =
                    refused(
                            401,
                            api.send(api.request("/v1/files").setHeader("Authorization", header)));
            assertEquals("invalid_api_key", error.get("code").asText());
        }
        HttpResponse<String> upload =
                api.send(
                        api.upload(BodyPublishers.ofString(form("batch", LINE)))
                                .setHeader("Authorization", "Bearer wrong"));
        refused(401, upload);
        assertTrue(upload.headers().firstValue("x-request-id").orElse("").startsWith("req_"));
        assertEquals(200, api.send("GET", "/v1/files").statusCode());
    }

    @Test
    void aFileComesBackAsItWent() throws Exception {
        String id = api.uploaded(LINE);
        HttpResponse<String> content = api.send("GET", "/v1/files/" + id + "/content");
        assertEquals(LINE, content.body());
        HttpResponse<String> head = api.send("HEAD", "/v1/files/" + id + "/content");
        assertEquals(200, head.statusCode());
        assertEquals("", head.body());
        assertEquals("" + LINE.length(), head.headers().firstValue("Content-Length").orElse(null));
        assertEquals(LINE.length(), json(api.send("GET", "/v1/files/" + id)).get("bytes").asInt());
    }

    @Test
    void tenantsAreApart() throws Exception {
        String id = api.uploaded(LINE);
        for (String path : List.of("/v1/files/" + id, "/v1/files/" + id + "/content")) {
            refused(
                    404,
                    api.send(api.request(path).setHeader("Authorization", "Bearer other-key")));
        }
        String list =
                api.send(api.request("/v1/files").setHeader("Authorization", "Bearer other-key"))
                        .body();
        assertEquals(
                "{\"object\":\"list\",\"data\":[],\"first_id\":null,\"last_id\":null,"
                        + "\"has_more\":false}",
                list);
        HttpResponse<String> create =
                api.send(
                        api.request("/v1/batches")
                                .setHeader("Authorization", "Bearer other-key")
                                .header("Content-Type", "application/json")
                                .POST(BodyPublishers.ofString(CREATE.formatted(id, "24h", ""))));
        assertEquals("input_file_id", refused(400, create).get("param").asText());
        assertEquals(1, json(api.send("GET", "/v1/files")).get("data").size());
    }

    @Test
    void pathsThatAreNoneAreRefused() throws Exception {
        for (String path :
                List.of(
                        "/v1",
                        "/v1/",
                        "/v1/files/",
                        "/v1/files/x/content/more",
                        "/v1/embeddings",
                        "/v1/files/..%2f..%2flock",
                        "/v1/files/..%2F..%2Flock/content",
                        "/v1/files/%2e%2e/content",
                        "/v1/files/../lock")) {
            refused(404, api.send("GET", path));
        }
        HttpResponse<String> patch = api.send("PATCH", "/v1/files");
        refused(405, patch);
        assertEquals("GET, POST, HEAD, OPTIONS", patch.headers().firstValue("Allow").orElse(null));
        refused(405, api.send("DELETE", "/v1/batches/x"));
        assertEquals(204, api.send("OPTIONS", "/v1/batches").statusCode());
    }

    @Test
    void uploadsThatAreWrongAreNamedAndLeaveNothing() throws Exception {
        refused(415, api.postJson("/v1/files", "{}"));
        assertEquals("purpose", uploadRefused(400, form("fine-tune", LINE)));
        assertEquals("purpose", uploadRefused(400, file(LINE) + "--" + BOUNDARY + "--"));
        assertEquals(
                "file", uploadRefused(400, field("purpose", "batch") + "--" + BOUNDARY + "--"));
        assertEquals("file", uploadRefused(400, form("batch", "")));
        assertEquals("file", uploadRefused(400, file("1") + form("batch", "2")));
        assertEquals("more", uploadRefused(400, field("more", "x") + form("batch", "2")));
        assertEquals(
                "expires_after[seconds]",
                uploadRefused(
                        400,
                        field("expires_after[anchor]", "created_at")
                                + field("expires_after[seconds]", "1")
                                + form("batch", LINE)));
        assertEquals("null", uploadRefused(400, "nonsense"));
        assertEquals("null", uploadRefused(400, file(LINE)));
        assertEquals(0, api.entries("files"));
        assertEquals(0, api.entries("incoming"));
        api.uploaded(LINE);
        assertEquals(2, api.entries("files"));
    }

    private String uploadRefused(int status, String body) throws Exception {
        return refused(status, api.send(api.upload(BodyPublishers.ofString(body))))
                .get("param")
                .asText();
    }

    @Test
    void uploadsThatAreTooLargeAreRefusedWithAndWithoutALength() throws Exception {
        String tooLarge = form("batch", "x".repeat(FILE_BYTES_MAX + 20_000));
        assertEquals("file", uploadRefused(413, tooLarge));
        assertEquals("file", uploadRefused(413, form("batch", "x".repeat(FILE_BYTES_MAX + 1))));
        byte[] bytes = tooLarge.getBytes(StandardCharsets.UTF_8);
        HttpResponse<String> chunked =
                api.send(
                        api.upload(
                                BodyPublishers.ofInputStream(
                                        () -> new ByteArrayInputStream(bytes))));
        refused(413, chunked);
        assertEquals(0, api.entries("incoming"));
        api.uploaded("x".repeat(FILE_BYTES_MAX));
    }

    @Test
    void anExpiryIsKept() throws Exception {
        String body =
                field("expires_after[anchor]", "created_at")
                        + field("expires_after[seconds]", "3600")
                        + form("batch", LINE);
        JsonNode file = json(api.send(api.upload(BodyPublishers.ofString(body))));
        assertEquals(3600, file.get("expires_at").asLong() - file.get("created_at").asLong());
    }

    @Test
    void aClientThatBreaksOffOrStallsLeavesNothing() throws Exception {
        try (Socket gone = connect(10_000)) {
            gone.getOutputStream().write(file("half of").getBytes(StandardCharsets.UTF_8));
            awaitEntries(1);
        }
        awaitEntries(0);
        try (Socket silent = connect(10_000)) {
            silent.getOutputStream().write(file("half of").getBytes(StandardCharsets.UTF_8));
            awaitEntries(1);
            assertEquals(-1, silent.getInputStream().read(), "the connection is cut off");
        }
        awaitEntries(0);
        api.uploaded(LINE);
    }

    private Socket connect(int announced) throws IOException {
        URI url = URI.create(api.port.url());
        Socket socket = new Socket(url.getHost(), url.getPort());
        socket.setSoTimeout(10_000);
        OutputStream out = socket.getOutputStream();
        String head =
                "POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer acme-key\r\n"
                        + "Content-Type: multipart/form-data; boundary="
                        + BOUNDARY
                        + "\r\nContent-Length: "
                        + announced
                        + "\r\n\r\n";
        out.write(head.getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    private void awaitEntries(long count) throws IOException {
        for (int i = 0; i < 1000 && api.entries("incoming") != count; i++) {
            LockSupport.parkNanos(Duration.ofMillis(10).toNanos());
        }
        assertEquals(count, api.entries("incoming"));
    }

    @Test
    void batchesThatAreWrongNameTheField() throws Exception {
        String id = api.uploaded(LINE);
        refused(415, api.send(api.request("/v1/batches").POST(BodyPublishers.ofString("{}"))));
        assertEquals("invalid_json", createRefused(400, "{").get("code").asText());
        createRefused(400, "[]");
        createRefused(400, "{\"a\":1,\"a\":2}");
        createRefused(400, "{} {}");
        createRefused(413, "{\"metadata\":\"" + "x".repeat(2 << 20) + "\"}");
        assertEquals("endpoint", createRefused(400, "{}").get("param").asText());
        assertEquals("x", param(id, "24h", ",\"x\":1"));
        for (String window :
                List.of("", "24", "0h", "h", "-1h", "1.5h", "400d", "99999999999999h")) {
            assertEquals("completion_window", param(id, window, ""), window);
        }
        assertEquals("input_file_id", param("file-x", "24h", ""));
        assertEquals("metadata", param(id, "24h", ",\"metadata\":{\"k\":1}"));
        assertEquals(
                "metadata", param(id, "24h", ",\"metadata\":{\"" + "k".repeat(65) + "\":\"v\"}"));
        assertEquals(
                "metadata", param(id, "24h", ",\"metadata\":{\"k\":\"" + "v".repeat(513) + "\"}"));
        assertEquals(
                "output_expires_after",
                param(id, "24h", ",\"output_expires_after\":{\"seconds\":9}"));
        assertEquals(0, json(api.send("GET", "/v1/batches")).get("data").size());
    }

    private JsonNode createRefused(int status, String body) throws Exception {
        return refused(status, api.postJson("/v1/batches", body));
    }

    private String param(String file, String window, String more) throws Exception {
        return createRefused(400, CREATE.formatted(file, window, more)).get("param").asText();
    }

    @Test
    void aBatchIsTakenInThoughKafkaIsAwayAndCanBeCancelled() throws Exception {
        String file = api.uploaded(LINE);
        String body = CREATE.formatted(file, "90m", ",\"metadata\":{\"k\":\"v\"}");
        JsonNode batch = json(api.postJson("/v1/batches", body));
        String id = batch.get("id").asText();
        assertEquals(90 * 60, batch.get("expires_at").asLong() - batch.get("created_at").asLong());
        assertEquals("v", batch.get("metadata").get("k").asText());
        assertEquals(
                "file_in_use",
                refused(409, api.send("DELETE", "/v1/files/" + file)).get("code").asText());
        JsonNode cancelled = json(api.send("POST", "/v1/batches/" + id + "/cancel"));
        assertTrue(
                List.of("cancelling", "cancelled").contains(cancelled.get("status").asText()),
                cancelled::toString);
        refused(
                404,
                api.send(
                        api.request("/v1/batches/" + id)
                                .setHeader("Authorization", "Bearer other-key")));
    }

    @Test
    void anIdempotencyKeyMakesOneFileAndOneBatch() throws Exception {
        String first = withKey("k1", LINE).get("id").asText();
        assertEquals(first, withKey("k1", LINE).get("id").asText());
        assertNotEquals(first, withKey("k2", LINE).get("id").asText());
        HttpResponse<String> reused =
                api.send(
                        api.upload(BodyPublishers.ofString(form("batch", LINE + LINE)))
                                .header("Idempotency-Key", "k1"));
        assertEquals("idempotency_key_reused", refused(409, reused).get("code").asText());
        assertEquals(4, api.entries("files"));
    }

    private JsonNode withKey(String key, String content) throws Exception {
        return json(
                api.send(
                        api.upload(BodyPublishers.ofString(form("batch", content)))
                                .header("Idempotency-Key", key)));
    }

    @Test
    void cursorsAndLimitsAreChecked() throws Exception {
        String first = api.uploaded(LINE);
        String second = api.uploaded(LINE);
        JsonNode page = json(api.send("GET", "/v1/files?limit=1"));
        assertEquals(second, page.get("last_id").asText());
        assertTrue(page.get("has_more").asBoolean());
        page = json(api.send("GET", "/v1/files?limit=1&after=" + second));
        assertEquals(first, page.get("first_id").asText());
        assertEquals(false, page.get("has_more").asBoolean());
        for (String query :
                List.of(
                        "limit=0",
                        "limit=x",
                        "limit=10001",
                        "order=up",
                        "after=x",
                        "limit=1&limit=2")) {
            String name = query.substring(0, query.indexOf('='));
            assertEquals(
                    name,
                    refused(400, api.send("GET", "/v1/files?" + query)).get("param").asText());
        }
        refused(400, api.send("GET", "/v1/batches?limit=101"));
    }
}
