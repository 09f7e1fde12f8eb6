package dev.millrace.ops.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.ops.lag.LagMetrics;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.time.InstantSource;
import java.util.OptionalDouble;

class BatchForecastsTest {
    private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private final BatchForecasts forecasts = new BatchForecasts();

    @Test
    void theFirstPredictionFromHalfWayOnIsComparedWithWhatItTook() {
        observe("b", 0.2, 900, 10);
        observe("b", 0.5, 150, 20);
        observe("b", 0.9, 1, 110);
        BatchForecasts.Checked checked = forecasts.ended("b", START.plusSeconds(120));
        assertEquals(150, checked.predictedSeconds());
        assertEquals(100, checked.actualSeconds());
        assertEquals(0.5, checked.errorRatio(), 1e-12);
        assertEquals(checked, forecasts.last());
        assertNull(forecasts.ended("b", START.plusSeconds(120)), "it is checked once");
    }

    @Test
    void thereIsNothingToCompareForWhatWasNeverSeenHalfWay() {
        observe("early", 0.49, 100, 10);
        forecasts.observe("unknown", 0.6, OptionalDouble.empty(), START);
        observe("instant", 0.6, 5, 10);
        for (String batch : new String[] {"early", "unknown", "never seen"}) {
            assertNull(forecasts.ended(batch, START.plusSeconds(20)), batch);
        }
        assertNull(forecasts.ended("instant", START.plusSeconds(10)), "no time has passed");
        assertNull(forecasts.last());
    }

    @Test
    void batchesAreApartAndTheErrorIsExported() {
        observe("slow", 0.5, 50, 0);
        observe("fast", 0.5, 50, 0);
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        LagMetrics metrics = new LagMetrics(registry, InstantSource.fixed(START));
        assertTrue(sample(registry).endsWith(" NaN"), "nothing has been checked yet");
        metrics.forecastError(forecasts.ended("slow", START.plusSeconds(200)).errorRatio());
        assertTrue(sample(registry).endsWith(" -0.75"), sample(registry));
        metrics.forecastError(forecasts.ended("fast", START.plusSeconds(50)).errorRatio());
        assertTrue(sample(registry).endsWith(" 0.0"), sample(registry));
    }

    private void observe(String batch, double share, double secondsLeft, long atSeconds) {
        forecasts.observe(
                batch, share, OptionalDouble.of(secondsLeft), START.plusSeconds(atSeconds));
    }

    private static String sample(PrometheusMeterRegistry registry) {
        return registry.scrape()
                .lines()
                .filter(line -> line.startsWith("millrace_batch_forecast_error_ratio"))
                .findFirst()
                .orElseThrow();
    }
}
