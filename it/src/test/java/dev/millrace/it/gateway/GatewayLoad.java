package dev.millrace.it.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import dev.millrace.it.pipeline.EchoEngine;
import dev.millrace.ops.embedded.EmbeddedStack;
import dev.millrace.ops.embedded.StackConfig;
import dev.millrace.worker.LocalJobEngine;

import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * A load check by hand: a file of a million lines goes up, is answered by an engine that does no
 * work, and comes down again, with Kafka, registry, ingest, worker, sink and gateway in one JVM.
 *
 * <pre>
 * java -Xmx2g -cp … dev.millrace.it.gateway.GatewayLoad FOLDER [LINES]
 * </pre>
 *
 * Ends with an error unless every line has exactly one answer. The heap's limit is the JVM's own.
 */
public final class GatewayLoad {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String BOUNDARY = "load-check-boundary";
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
    private static final int LOOKS_PER_WORD = 10;
    private static final int FINISHED_PER_STEP_MAX = 2048;

    private final HttpClient client = HttpClient.newHttpClient();
    private final String url;

    private GatewayLoad(String url) {
        this.url = url;
    }

    /** A folder with room for a few GB, and how many lines; a million unless said otherwise. */
    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]);
        int lines = args.length > 1 ? Integer.parseInt(args[1]) : 1_000_000;
        Path input = write(dir.resolve("input.jsonl"), lines);
        System.out.printf(
                "%,d lines, %,d MB, heap limit %,d MB%n",
                lines, Files.size(input) >> 20, Runtime.getRuntime().maxMemory() >> 20);
        StackConfig config =
                new StackConfig(
                        dir.resolve("data"),
                        0,
                        0,
                        0,
                        8,
                        meters ->
                                new LocalJobEngine(
                                        EchoEngine.model(1, FINISHED_PER_STEP_MAX, content -> {})),
                        "none");
        try (EmbeddedStack stack = EmbeddedStack.start(config, part -> {})) {
            stack.awaitRunning();
            new GatewayLoad(stack.httpUrl() + "/v1").run(input, dir.resolve("output.jsonl"), lines);
        }
        System.out.printf("most heap in use: at most %,d MB%n", mostHeapInUse() >> 20);
        System.out.println("largest resident set: " + largestResidentSet());
    }

    private void run(Path input, Path output, int lines) throws Exception {
        long start = System.nanoTime();
        String file = upload(input).get("id").asText();
        say("uploaded", start);
        String body =
                JSON.writeValueAsString(
                        Map.of(
                                "input_file_id", file,
                                "endpoint", "/v1/chat/completions",
                                "completion_window", "24h"));
        HttpRequest create =
                request("/batches")
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build();
        JsonNode batch = json(create);
        String status = "";
        int looks = 0;
        while (!batch.get("status").asText().equals("completed")) {
            if (!batch.get("status").asText().equals(status)) {
                status = batch.get("status").asText();
                say(status, start);
            }
            if (++looks % LOOKS_PER_WORD == 0) {
                say(batch.get("request_counts").toString(), start);
            }
            LockSupport.parkNanos(LOOK_EVERY.toNanos());
            batch = json(request("/batches/" + batch.get("id").asText()).build());
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        say("completed " + batch.get("request_counts"), start);
        System.out.printf("%,.0f lines/s from the upload's first byte on%n", lines / seconds);
        HttpRequest content =
                request("/files/" + batch.get("output_file_id").asText() + "/content").build();
        client.send(content, BodyHandlers.ofFile(output));
        say("downloaded " + (Files.size(output) >> 20) + " MB", start);
        check(output, lines);
        say("checked: each line has one answer", start);
    }

    private static void say(String what, long start) {
        Runtime runtime = Runtime.getRuntime();
        long used = runtime.totalMemory() - runtime.freeMemory();
        System.out.printf(
                "%6.1f s  %s (heap in use %,d MB)%n",
                (System.nanoTime() - start) / 1e9, what, used >> 20);
    }

    private static void check(Path output, int lines) throws IOException {
        BitSet seen = new BitSet(lines);
        try (Stream<String> answers = Files.lines(output)) {
            for (String line : (Iterable<String>) answers::iterator) {
                int id = JSON.readTree(line).get("custom_id").asInt();
                if (seen.get(id)) {
                    throw new IllegalStateException("line " + id + " was answered twice");
                }
                seen.set(id);
            }
        }
        if (seen.cardinality() != lines) {
            throw new IllegalStateException(seen.cardinality() + " of " + lines + " were answered");
        }
    }

    private JsonNode upload(Path input) throws Exception {
        String head =
                "--"
                        + BOUNDARY
                        + "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch"
                        + "\r\n--"
                        + BOUNDARY
                        + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\""
                        + "\r\n\r\n";
        BodyPublisher form =
                BodyPublishers.concat(
                        BodyPublishers.ofString(head),
                        BodyPublishers.ofFile(input),
                        BodyPublishers.ofString("\r\n--" + BOUNDARY + "--\r\n"));
        return json(
                request("/files")
                        .header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY)
                        .POST(form)
                        .build());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(url + path)).header("Authorization", "Bearer any");
    }

    private JsonNode json(HttpRequest request) throws Exception {
        var reply = client.send(request, BodyHandlers.ofString());
        if (reply.statusCode() != 200) {
            throw new IllegalStateException(reply.statusCode() + ": " + reply.body());
        }
        return JSON.readTree(reply.body());
    }

    private static Path write(Path input, int lines) throws IOException {
        Files.createDirectories(input.getParent());
        try (BufferedWriter out = Files.newBufferedWriter(input)) {
            for (int i = 0; i < lines; i++) {
                out.write(
                        "{\"custom_id\":\""
                                + i
                                + "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\","
                                + "\"body\":{\"model\":\""
                                + EchoEngine.MODEL
                                + "\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer with"
                                + " what is asked.\"},{\"role\":\"user\",\"content\":\"Prompt"
                                + " number "
                                + i
                                + ".\"}]}}\n");
            }
        }
        return input;
    }

    /** Bytes; the sum of each heap pool's own peak, which need not have been at the same time. */
    private static long mostHeapInUse() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .mapToLong(pool -> pool.getPeakUsage().getUsed())
                .sum();
    }

    private static String largestResidentSet() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmHWM"))
                .findFirst()
                .map(line -> line.replaceAll("\\s+", " "))
                .orElse("unknown");
    }
}
