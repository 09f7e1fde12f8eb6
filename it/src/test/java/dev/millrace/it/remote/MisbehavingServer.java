package dev.millrace.it.remote;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A server that speaks OpenAI's API and answers with what it was asked, after doing the wrong
 * things first. What goes wrong with a prompt is a function of seed and prompt, so a run can be
 * repeated.
 */
final class MisbehavingServer implements AutoCloseable {
    enum Fault {
        RATE_LIMIT,
        INTERNAL_ERROR,
        UNAVAILABLE,
        CUT_BODY,
        CLOSED_UNANSWERED,
        NOT_JSON,
        TWO_CHOICES,
        NO_USAGE,
        SLOW,
        HANG
    }

    static final String MODEL = "stub-model";

    /** A prompt that holds this is never answered; bytes drip until the client goes away. */
    static final String ENDLESS = "endless";

    /** A prompt that holds this is refused. */
    static final String REFUSED = "refuse-me";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long SLOW_MS = 150;

    private final long seed;
    private final int maxFaultsPerPrompt;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Map<String, AtomicInteger> attempts = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> answered = new ConcurrentHashMap<>();
    private final Map<Fault, AtomicInteger> faults = new EnumMap<>(Fault.class);
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicInteger mostInside = new AtomicInteger();
    private final CountDownLatch clientLeft = new CountDownLatch(1);
    private volatile boolean isDown;

    MisbehavingServer(long seed, int maxFaultsPerPrompt) throws IOException {
        this.seed = seed;
        this.maxFaultsPerPrompt = maxFaultsPerPrompt;
        for (Fault fault : Fault.values()) {
            faults.put(fault, new AtomicInteger());
        }
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 64);
        server.setExecutor(threads);
        server.createContext("/v1/models", this::models);
        server.createContext("/v1/chat/completions", this::chat);
        server.start();
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1");
    }

    /** From now on every request is answered with 500, or none again. */
    void setDown(boolean down) {
        isDown = down;
    }

    int count(Fault fault) {
        return faults.get(fault).get();
    }

    int attemptsOf(String prompt) {
        return attempts.getOrDefault(prompt, new AtomicInteger()).get();
    }

    /** How often a whole good answer was sent for the prompt. */
    int answersTo(String prompt) {
        return answered.getOrDefault(prompt, new AtomicInteger()).get();
    }

    int mostAtOnce() {
        return mostInside.get();
    }

    boolean awaitClientLeft(long seconds) throws InterruptedException {
        return clientLeft.await(seconds, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        closed.countDown();
        server.stop(0);
        threads.shutdownNow();
    }

    private void models(HttpExchange exchange) throws IOException {
        // Closed, or the next request on the same connection is never read.
        try (exchange) {
            String model = "{\"id\":\"" + MODEL + "\",\"owned_by\":\"vllm\"}";
            send(exchange, isDown ? 503 : 200, "{\"object\":\"list\",\"data\":[" + model + "]}");
        }
    }

    private void chat(HttpExchange exchange) throws IOException {
        mostInside.accumulateAndGet(inside.incrementAndGet(), Math::max);
        try (exchange) {
            JsonNode request = JSON.readTree(exchange.getRequestBody());
            String prompt = request.at("/messages/0/content").asText();
            int attempt =
                    attempts.computeIfAbsent(prompt, p -> new AtomicInteger()).getAndIncrement();
            if (isDown) {
                send(exchange, 500, "{\"error\":{\"message\":\"down\"}}");
            } else if (prompt.contains(REFUSED)) {
                send(exchange, 400, "{\"error\":{\"message\":\"no\",\"param\":\"messages\"}}");
            } else if (prompt.contains(ENDLESS)) {
                drip(exchange);
            } else {
                List<Fault> planned = faultsOf(prompt);
                if (attempt < planned.size()) {
                    misbehave(exchange, planned.get(attempt), prompt);
                } else {
                    answer(exchange, prompt);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            inside.decrementAndGet();
        }
    }

    private List<Fault> faultsOf(String prompt) {
        Random random = new Random(seed ^ prompt.hashCode());
        List<Fault> planned = new ArrayList<>();
        for (int i = random.nextInt(maxFaultsPerPrompt + 1); i > 0; i--) {
            planned.add(Fault.values()[random.nextInt(Fault.values().length)]);
        }
        return planned;
    }

    private void misbehave(HttpExchange exchange, Fault fault, String prompt)
            throws IOException, InterruptedException {
        faults.get(fault).incrementAndGet();
        switch (fault) {
            case RATE_LIMIT -> {
                exchange.getResponseHeaders().set("Retry-After", "0");
                send(exchange, 429, "{\"error\":{\"message\":\"slow down\"}}");
            }
            case INTERNAL_ERROR -> send(exchange, 500, "oops");
            case UNAVAILABLE -> send(exchange, 503, "{\"detail\":\"loading\"}");
            case CUT_BODY -> {
                byte[] body = good(prompt, 1);
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body, 0, body.length / 2);
            }
            case CLOSED_UNANSWERED -> {}
            case NOT_JSON -> send(exchange, 200, "{\"choices\": [{\"ind");
            case TWO_CHOICES -> sendBytes(exchange, 200, good(prompt, 2));
            case NO_USAGE -> {
                ObjectNode body = (ObjectNode) JSON.readTree(good(prompt, 1));
                body.remove("usage");
                sendBytes(exchange, 200, JSON.writeValueAsBytes(body));
            }
            case SLOW -> {
                closed.await(SLOW_MS, TimeUnit.MILLISECONDS);
                answer(exchange, prompt);
            }
            case HANG -> closed.await();
        }
    }

    /** White space is legal before JSON, so this looks like an answer that is on its way. */
    private void drip(HttpExchange exchange) throws InterruptedException {
        try {
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            while (!closed.await(10, TimeUnit.MILLISECONDS)) {
                out.write(' ');
                out.flush();
            }
        } catch (IOException e) {
            clientLeft.countDown();
        }
    }

    private void answer(HttpExchange exchange, String prompt) throws IOException {
        sendBytes(exchange, 200, good(prompt, 1));
        answered.computeIfAbsent(prompt, p -> new AtomicInteger()).incrementAndGet();
    }

    private static byte[] good(String prompt, int choices) throws IOException {
        ObjectNode body = JSON.createObjectNode();
        for (int i = 0; i < choices; i++) {
            ObjectNode choice = body.withArray("choices").addObject();
            choice.put("index", i).put("finish_reason", "stop");
            choice.putObject("message").put("role", "assistant").put("content", prompt);
        }
        body.putObject("usage").put("prompt_tokens", 5).put("completion_tokens", 2);
        return JSON.writeValueAsBytes(body);
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        sendBytes(exchange, status, body.getBytes(StandardCharsets.UTF_8));
    }

    private static void sendBytes(HttpExchange exchange, int status, byte[] body)
            throws IOException {
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.getResponseBody().flush();
    }
}
