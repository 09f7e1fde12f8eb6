package dev.millrace.worker.remote;

import java.net.URI;
import java.time.Duration;
import java.util.Objects;

/**
 * How a server that speaks OpenAI's API is reached and treated, checked.
 *
 * @param url what comes before /chat/completions; ends with /v1 for nearly every server
 * @param apiKey null for none
 * @param servedName the model name that jobs ask for; null takes the server's name for it
 * @param remoteModel the model name that the server knows; null takes the only one it has
 * @param kind which request fields the server knows; null finds out by GET /models
 * @param maxConcurrency most requests at the server at once
 * @param requestTimeout longest time from sending a request to having the whole answer
 * @param retry when a request is sent again
 * @param breaker when the server is left alone
 */
public record RemoteConfig(
        URI url,
        ApiKey apiKey,
        String servedName,
        String remoteModel,
        ServerKind kind,
        int maxConcurrency,
        Duration requestTimeout,
        Retry retry,
        Breaker breaker) {

    /**
     * @param maxAttempts sends per job in all, at least 1
     * @param firstDelay longest wait before the second attempt; doubles with each further one
     * @param maxDelay longest wait before any attempt, unless the server asks for more
     */
    public record Retry(int maxAttempts, Duration firstDelay, Duration maxDelay) {
        public Retry {
            check(
                    maxAttempts >= 1,
                    "the number of attempts must be at least 1, not " + maxAttempts);
            check(isPositive(firstDelay), "the first delay must be positive");
            check(
                    maxDelay != null && maxDelay.compareTo(firstDelay) >= 0,
                    "the longest delay must not be below the first");
        }
    }

    /**
     * @param failures failures of the server in a row after which it is left alone, at least 1
     * @param pause time until it is asked again whether it is well; doubles up to eight times this
     */
    public record Breaker(int failures, Duration pause) {
        public Breaker {
            check(failures >= 1, "the breaker needs at least 1 failure, not " + failures);
            check(isPositive(pause), "the breaker's pause must be positive");
        }
    }

    public RemoteConfig {
        Objects.requireNonNull(url, "url");
        check(
                ("http".equals(url.getScheme()) || "https".equals(url.getScheme()))
                        && url.getHost() != null,
                "the url must look like http://host:port/v1, not " + url);
        check(
                url.getUserInfo() == null && url.getQuery() == null && url.getFragment() == null,
                "the url must have no user, query or fragment");
        check(maxConcurrency >= 1, "the concurrency must be at least 1, not " + maxConcurrency);
        check(isPositive(requestTimeout), "the request timeout must be positive");
        Objects.requireNonNull(retry, "retry");
        Objects.requireNonNull(breaker, "breaker");
    }

    /**
     * 64 requests at once, 10 minutes each, 8 attempts half a second to a minute apart, 5 failures
     * open the breaker.
     */
    public static RemoteConfig defaults(URI url) {
        return new RemoteConfig(
                url,
                null,
                null,
                null,
                null,
                64,
                Duration.ofMinutes(10),
                new Retry(8, Duration.ofMillis(500), Duration.ofMinutes(1)),
                new Breaker(5, Duration.ofSeconds(5)));
    }

    /** The same, with names and kind as found at the server. */
    RemoteConfig resolved(String name, String model, ServerKind found) {
        return new RemoteConfig(
                url, apiKey, name, model, found, maxConcurrency, requestTimeout, retry, breaker);
    }

    private static boolean isPositive(Duration duration) {
        return duration != null && duration.isPositive();
    }

    private static void check(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException(message);
        }
    }
}
