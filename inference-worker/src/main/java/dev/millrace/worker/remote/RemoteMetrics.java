package dev.millrace.worker.remote;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The remote engine's metrics, tagged with the server's host and port.
 *
 * <pre>
 * millrace_remote_requests_total{outcome}   attempts, by how they ended
 * millrace_remote_retries_total             attempts after the first
 * millrace_remote_gave_up_total             jobs that failed because their attempts were used up
 * millrace_remote_request_seconds           from sending a request to having its whole answer (histogram)
 * millrace_remote_breaker_state             0 closed, 1 half open, 2 open
 * millrace_remote_breaker_opened_total      times that the breaker opened
 * millrace_remote_in_flight                 requests at the server
 * millrace_remote_waiting                   requests that wait for their turn, or for their next attempt
 * millrace_remote_concurrency_limit         most requests at the server just now
 * </pre>
 */
final class RemoteMetrics {
    private final Map<Outcome, Counter> requests = new EnumMap<>(Outcome.class);
    private final Counter retries;
    private final Counter gaveUp;
    private final Counter opened;
    private final Timer latency;
    private final AtomicInteger breaker;
    private final AtomicInteger inFlight;
    private final AtomicInteger waiting;
    private final AtomicInteger limit;

    RemoteMetrics(MeterRegistry registry, RemoteConfig config) {
        Tags tags = Tags.of("server", config.url().getAuthority());
        for (Outcome outcome : Outcome.values()) {
            requests.put(
                    outcome,
                    counter(registry, "requests", "Attempts.", tags.and("outcome", outcome.tag())));
        }
        retries = counter(registry, "retries", "Attempts after the first.", tags);
        gaveUp =
                counter(
                        registry,
                        "gave.up",
                        "Jobs that failed because their attempts were used up.",
                        tags);
        opened = counter(registry, "breaker.opened", "Times that the breaker opened.", tags);
        latency =
                Timer.builder("millrace.remote.request")
                        .description("From sending a request to having its whole answer.")
                        .serviceLevelObjectives(
                                Duration.ofMillis(100),
                                Duration.ofSeconds(1),
                                Duration.ofSeconds(10),
                                Duration.ofSeconds(60),
                                Duration.ofSeconds(600))
                        .tags(tags)
                        .register(registry);
        breaker = gauge(registry, "breaker.state", "0 closed, 1 half open, 2 open.", tags);
        inFlight = gauge(registry, "in.flight", "Requests at the server.", tags);
        waiting = gauge(registry, "waiting", "Requests that wait.", tags);
        limit = gauge(registry, "concurrency.limit", "Most requests at the server just now.", tags);
    }

    void ended(Outcome outcome, long durationMs) {
        requests.get(outcome).increment();
        if (outcome != Outcome.CANCELLED) {
            latency.record(durationMs, TimeUnit.MILLISECONDS);
        }
    }

    void retried() {
        retries.increment();
    }

    void gaveUp() {
        gaveUp.increment();
    }

    void breakerOpened() {
        opened.increment();
    }

    void observe(
            CircuitBreaker.State state,
            int requestsInFlight,
            int requestsWaiting,
            int concurrencyLimit) {
        breaker.set(state.ordinal());
        inFlight.set(requestsInFlight);
        waiting.set(requestsWaiting);
        limit.set(concurrencyLimit);
    }

    private static Counter counter(
            MeterRegistry registry, String name, String description, Tags tags) {
        return Counter.builder("millrace.remote." + name)
                .description(description)
                .tags(tags)
                .register(registry);
    }

    private static AtomicInteger gauge(
            MeterRegistry registry, String name, String description, Tags tags) {
        AtomicInteger value = new AtomicInteger();
        Gauge.builder("millrace.remote." + name, value, AtomicInteger::get)
                .description(description)
                .tags(tags)
                .strongReference(true)
                .register(registry);
        return value;
    }
}
