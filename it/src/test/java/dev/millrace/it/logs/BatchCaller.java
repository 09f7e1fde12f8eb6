package dev.millrace.it.logs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** What a user of the gateway does, by plain HTTP. */
final class BatchCaller implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String BOUNDARY = "caller-boundary";
    private static final int LOOKS_MAX = 6_000;
    private static final Duration LOOK_EVERY = Duration.ofMillis(10);

    private final HttpClient client = HttpClient.newHttpClient();
    private final String url;

    BatchCaller(String url) {
        this.url = url + "/v1";
    }

    /** A batch that is not taken, with this status. */
    void refused(int status, String key, String body) throws Exception {
        assertEquals(status, send(create(key, body)).statusCode());
    }

    /** Uploads lines and waits until each has its ending. */
    void runToItsEnd(String key, String lines) throws Exception {
        String part = "--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=";
        String form =
                part + "\"purpose\"\r\n\r\nbatch\r\n" + part
                        + "\"file\"; filename=\"f.jsonl\"\r\n\r\n" + lines
                        + "\r\n--" + BOUNDARY + "--\r\n";
        HttpRequest.Builder upload =
                request(key, "/files")
                        .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                        .POST(BodyPublishers.ofString(form));
        String file = json(upload).get("id").asText();
        String body =
                "{\"input_file_id\":\"" + file + "\",\"endpoint\":\"/v1/chat/completions\","
                        + "\"completion_window\":\"1h\"}";
        JsonNode batch = json(create(key, body));
        for (int i = 0; i < LOOKS_MAX && batch.get("completed_at").isNull(); i++) {
            LockSupport.parkNanos(LOOK_EVERY.toNanos());
            batch = json(request(key, "/batches/" + batch.get("id").asText()));
        }
        assertTrue(batch.get("output_file_id").isTextual(), batch.toString());
        String output = batch.get("output_file_id").asText();
        assertEquals(200, send(request(key, "/files/" + output + "/content")).statusCode());
    }

    private HttpRequest.Builder create(String key, String body) {
        return request(key, "/batches")
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body));
    }

    private HttpRequest.Builder request(String key, String path) {
        return HttpRequest.newBuilder(URI.create(url + path))
                .header("Authorization", "Bearer " + key)
                .timeout(Duration.ofSeconds(60));
    }

    private JsonNode json(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> reply = send(request);
        assertEquals(200, reply.statusCode(), reply.body());
        return JSON.readTree(reply.body());
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    @Override
    public void close() {
        client.close();
    }
}
