package dev.millrace.ops.console;

import dev.millrace.ops.lag.LagMetrics;
import dev.millrace.ops.lag.LagSnapshot;
import dev.millrace.ops.lag.LagTracker;
import dev.millrace.ops.status.BatchRow;
import dev.millrace.ops.status.StatusReader;
import dev.millrace.ops.status.StatusSnapshot;
import dev.millrace.schemas.BatchProgress;

import io.micrometer.core.instrument.MeterRegistry;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Watches an installation from outside: once a second it measures lag and reads the status, exports
 * it as metrics, publishes it to the topic {@code lag} and keeps it for the page. When Kafka or the
 * registry is gone it goes on showing what it saw last, says that it is stale and why, and tries
 * again until they are back.
 */
public final class OpsService implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OpsService.class);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
    private static final Duration REPORT_EVERY = Duration.ofSeconds(5);
    private static final Duration RETRY_AFTER = Duration.ofSeconds(2);

    private final Map<String, Object> clientProperties;
    private final String pool;
    private final LagMetrics metrics;
    private final InstantSource clock;
    private final CountDownLatch closing = new CountDownLatch(1);
    private final History history = new History();
    private final TokenRates tokens = new TokenRates();
    private final BatchForecasts forecasts = new BatchForecasts();
    private final Thread thread;
    private volatile String lastSeen;
    private volatile String problem = "starting";
    private volatile BatchForecasts.Checked lastForecast;
    private Instant reportedAt = Instant.MIN;

    /** Makes the service; {@link #start} starts it. */
    public OpsService(
            Map<String, Object> clientProperties,
            String pool,
            MeterRegistry registry,
            InstantSource clock) {
        this.clientProperties = impatient(clientProperties);
        this.pool = pool;
        this.metrics = new LagMetrics(registry, clock);
        this.clock = clock;
        this.thread = Thread.ofPlatform().daemon().name("ops").unstarted(this::run);
    }

    /** Who looks every second must not wait for a minute to learn that nobody answers. */
    private static Map<String, Object> impatient(Map<String, Object> clientProperties) {
        Map<String, Object> properties = new HashMap<>(clientProperties);
        properties.putIfAbsent("default.api.timeout.ms", 15_000);
        properties.putIfAbsent("request.timeout.ms", 10_000);
        return properties;
    }

    /** Starts watching in the background and returns at once. */
    public OpsService start() {
        thread.start();
        return this;
    }

    /** Waits for the end; true once the service is closed. */
    public boolean awaitClosed(Duration timeout) throws InterruptedException {
        return closing.await(timeout.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Why what is shown is not fresh, or null when it is. */
    public String problem() {
        return problem;
    }

    /** The last forecast that met its reality, or null. */
    public BatchForecasts.Checked lastForecast() {
        return lastForecast;
    }

    /** The page's data as JSON: {@code {now_ms, problem, status}}. */
    String json() {
        return OpsView.answer(lastSeen, problem, clock.instant());
    }

    private void run() {
        while (closing.getCount() > 0) {
            try {
                watch();
            } catch (RuntimeException e) {
                if (closing.getCount() > 0) {
                    problem = reason(e);
                    LOG.warn("cannot see how things are: {}", problem);
                    rest(RETRY_AFTER);
                }
            }
        }
    }

    /** Looks again and again, until something fails or the service is closed. */
    private void watch() {
        try (LagTracker lag = new LagTracker(clientProperties, pool, clock);
                StatusReader reader = new StatusReader(clientProperties, pool);
                DeadLetterTail letters = new DeadLetterTail(clientProperties);
                LagReports reports = new LagReports(clientProperties)) {
            while (closing.getCount() > 0) {
                look(lag.look(), reader.read(null), letters, reports);
                rest(LOOK_EVERY);
            }
        }
    }

    private void look(
            LagSnapshot lag, StatusSnapshot status, DeadLetterTail letters, LagReports reports) {
        letters.readOn();
        metrics.show(lag);
        status.batches().forEach(batch -> forecast(batch, lag));
        history.add(tokens.point(status, lag));
        lastSeen = OpsView.text(status, lag, history, letters, lastForecast);
        problem = null;
        if (Duration.between(reportedAt, lag.at()).compareTo(REPORT_EVERY) >= 0) {
            reports.publish(lag);
            reportedAt = lag.at();
        }
    }

    private void forecast(BatchRow batch, LagSnapshot lag) {
        BatchProgress progress = batch.progress();
        if (!batch.hasEnded()) {
            LagSnapshot.Amount amount = lag.batches().get(progress.getBatchId());
            OptionalDouble left = amount == null ? batch.secondsLeft() : amount.secondsLeft();
            double share =
                    progress.getTotal() == 0 ? 0 : (double) batch.ended() / progress.getTotal();
            forecasts.observe(progress.getBatchId(), share, left, lag.at());
            return;
        }
        Instant ended =
                Stream.of(
                                progress.getCompletedAt(),
                                progress.getCancelledAt(),
                                progress.getExpiredAt())
                        .filter(at -> at != null)
                        .findFirst()
                        .orElse(progress.getUpdatedAt());
        BatchForecasts.Checked checked = forecasts.ended(progress.getBatchId(), ended);
        if (checked != null) {
            lastForecast = checked;
            metrics.forecastError(checked.errorRatio());
            LOG.info(
                    "batch {} has ended: half-way {} s were predicted, it took {} s",
                    checked.batch(),
                    Math.round(checked.predictedSeconds() * 10) / 10.0,
                    Math.round(checked.actualSeconds() * 10) / 10.0);
        }
    }

    private void rest(Duration time) {
        try {
            if (closing.await(time.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.debug("closing");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            closing.countDown();
        }
    }

    private static String reason(RuntimeException e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }

    @Override
    public void close() {
        closing.countDown();
        if (thread.getState() == Thread.State.NEW) {
            return;
        }
        try {
            // Clients that are interrupted complain; one that waits for a Kafka that is gone must
            // be.
            if (!thread.join(Duration.ofSeconds(5))) {
                thread.interrupt();
                thread.join(Duration.ofSeconds(5));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
