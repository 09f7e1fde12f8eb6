package dev.millrace.worker.remote;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;

/**
 * The JDK's client. HTTP/1.1, because a closed connection is what every server understands as a
 * cancellation.
 */
final class JdkTransport implements Transport {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    /** Far above any answer; keeps a mad server from filling the heap. */
    private static final long MAX_BODY_BYTES = 64L << 20;

    private final String url;
    private final ApiKey apiKey;
    private final HttpClient client;

    JdkTransport(URI url, ApiKey apiKey) {
        this.url = url.toString().replaceFirst("/+$", "");
        this.apiKey = apiKey;
        this.client =
                HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .connectTimeout(CONNECT_TIMEOUT)
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .build();
    }

    @Override
    public Call post(String path, byte[] json, Consumer<Reply> onReply) {
        return send(
                request(path)
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofByteArray(json)),
                onReply);
    }

    @Override
    public Call get(String path, Consumer<Reply> onReply) {
        return send(request(path).GET(), onReply);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(url + path)).header("Accept", "application/json");
        if (apiKey != null) {
            request.header("Authorization", "Bearer " + apiKey.value());
        }
        return request;
    }

    private Call send(HttpRequest.Builder request, Consumer<Reply> onReply) {
        CompletableFuture<HttpResponse<byte[]>> sent =
                client.sendAsync(
                        request.build(),
                        BodyHandlers.limiting(BodyHandlers.ofByteArray(), MAX_BODY_BYTES));
        sent.whenComplete((response, failure) -> onReply.accept(reply(response, failure)));
        return () -> sent.cancel(true);
    }

    private static Reply reply(HttpResponse<byte[]> response, Throwable failure) {
        if (failure == null) {
            return new Reply.Http(
                    response.statusCode(),
                    response.headers().firstValue("Retry-After").orElse(null),
                    response.body());
        }
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return new Reply.Broken(
                switch (cause) {
                    case HttpConnectTimeoutException e ->
                            "no connection within " + CONNECT_TIMEOUT.toSeconds() + " s";
                    case ConnectException e -> "the connection was refused";
                    case IOException e -> "the connection broke: " + e.getMessage();
                    default -> cause.toString();
                });
    }
}
