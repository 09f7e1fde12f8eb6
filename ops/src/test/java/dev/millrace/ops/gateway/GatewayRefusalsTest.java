package dev.millrace.ops.gateway;

import static dev.millrace.ops.gateway.GatewayDriver.json;
import static dev.millrace.ops.gateway.GatewayDriver.refused;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.http.Oversized;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;

/** What every endpoint of the gateway refuses, endpoint by endpoint. */
class GatewayRefusalsTest {
    private static final String LINE =
            "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/v1/completions\","
                    + "\"body\":{\"model\":\"m\",\"prompt\":\"x\"}}\n";
    private static final List<String> METHODS = List.of("GET", "POST", "PUT", "PATCH", "DELETE");

    @TempDir Path dir;
    private GatewayDriver api;
    private String file;
    private String batch;

    /**
     * @param methods that it answers
     * @param isOwned whether the path names something of a tenant
     */
    private record Endpoint(String path, List<String> methods, boolean isOwned) {}

    @BeforeEach
    void open() throws Exception {
        api = new GatewayDriver(dir);
        file = api.uploaded(LINE);
        HttpResponse<String> created =
                api.postJson(
                        "/v1/batches",
                        "{\"input_file_id\":\"" + file + "\",\"endpoint\":\"/v1/completions\","
                                + "\"completion_window\":\"24h\"}");
        assertEquals(200, created.statusCode(), created.body());
        batch = json(created).get("id").asText();
    }

    @AfterEach
    void close() {
        api.close();
    }

    private List<Endpoint> endpoints() {
        return List.of(
                new Endpoint("/v1/files", List.of("GET", "POST"), false),
                new Endpoint("/v1/files/" + file, List.of("GET", "DELETE"), true),
                new Endpoint("/v1/files/" + file + "/content", List.of("GET"), true),
                new Endpoint("/v1/batches", List.of("GET", "POST"), false),
                new Endpoint("/v1/batches/" + batch, List.of("GET"), true),
                new Endpoint("/v1/batches/" + batch + "/cancel", List.of("POST"), true),
                new Endpoint("/v1/models", List.of("GET"), false),
                new Endpoint("/v1/models/m", List.of("GET"), false));
    }

    private HttpRequest.Builder request(String method, String path) {
        return api.request(path).method(method, BodyPublishers.noBody());
    }

    @Test
    void nothingIsAnsweredWithoutAKeyThatIsKnown() throws Exception {
        for (Endpoint each : endpoints()) {
            for (String method : METHODS) {
                HttpRequest.Builder none =
                        HttpRequest.newBuilder(api.request(each.path()).build().uri())
                                .method(method, BodyPublishers.noBody());
                HttpResponse<String> reply = api.send(none);
                refused(401, reply);
                assertEquals(
                        "Bearer", reply.headers().firstValue("WWW-Authenticate").orElse(null));
                for (String key : List.of("Bearer wrong", "Bearer", "Bearer acme-key other-key")) {
                    refused(401, api.send(request(method, each.path()).setHeader("Authorization", key)));
                }
            }
        }
        assertStillThere();
    }

    @Test
    void everyOtherMethodIsRefusedWithWhatIsAllowed() throws Exception {
        int refusals = 0;
        for (Endpoint each : endpoints()) {
            for (String method : METHODS) {
                if (!each.methods().contains(method)) {
                    HttpResponse<String> reply = api.send(request(method, each.path()));
                    refused(405, reply);
                    String allow = reply.headers().firstValue("Allow").orElse("");
                    assertTrue(each.methods().stream().allMatch(allow::contains), allow);
                    assertFalse(List.of(allow.split(", ")).contains(method), allow);
                    refusals++;
                }
            }
        }
        assertEquals(29, refusals);
        assertStillThere();
    }

    @Test
    void whatIsAnothersOrNobodysIsNotFound() throws Exception {
        String unknown = "0".repeat(32);
        for (Endpoint each : endpoints()) {
            for (String method : each.isOwned() ? each.methods() : List.<String>of()) {
                refused(
                        404,
                        api.send(
                                request(method, each.path())
                                        .setHeader("Authorization", "Bearer other-key")));
                String prefix = each.path().contains(file) ? Ids.FILE : Ids.BATCH;
                String id = each.path().contains(file) ? file : batch;
                for (String other :
                        List.of(prefix + unknown, file.equals(id) ? batch : file, "x",
                                prefix + "9".repeat(5_000), prefix, "%00", "..%2f" + id)) {
                    refused(404, api.send(request(method, each.path().replace(id, other))));
                }
            }
        }
        refused(404, api.send("GET", "/v1/models/m"));
        assertStillThere();
    }

    @Test
    void cursorsOfNoListAreRefusedByBothLists() throws Exception {
        for (String list : List.of("/v1/files", "/v1/batches")) {
            for (String query :
                    List.of("after=x", "after=", "after=" + (list.contains("files") ? batch : file),
                            "after=" + "9".repeat(5_000), "limit=-1", "limit=1.5", "limit=",
                            "limit=99999999999999999999", "limit=1&limit=1", "order=")) {
                String name = query.substring(0, query.indexOf('='));
                HttpResponse<String> reply = api.send("GET", list + "?" + query);
                assertEquals(name, refused(400, reply).get("param").asText(), list + "?" + query);
            }
        }
    }

    @Test
    void bodiesThatAreTooLargeOrNoJsonMakeNothing() throws Exception {
        for (String body : List.of("", "{", "[1]", "null", "\u0000", "{\"a\":1}{", "[".repeat(5_000))) {
            refused(400, api.postJson("/v1/batches", body));
        }
        refused(413, api.postJson("/v1/batches", " ".repeat(2 << 20)));
        refused(415, api.postJson("/v1/files", "{}"));
        for (Endpoint each : endpoints()) {
            Oversized.assertRefused(
                    api.port.url(), "GET", each.path(), "Authorization: Bearer acme-key\r\n");
        }
        assertEquals(1, json(api.send("GET", "/v1/batches")).get("data").size());
        assertStillThere();
    }

    /** The control, and the harm that a refused request may not have done. */
    private void assertStillThere() throws Exception {
        assertEquals(LINE, api.send("GET", "/v1/files/" + file + "/content").body());
        String status =
                json(api.send("GET", "/v1/batches/" + batch)).get("status").asText();
        assertFalse(status.startsWith("cancel"), status);
    }
}
