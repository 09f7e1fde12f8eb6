package dev.millrace.ops.console;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Time left, checked against reality. The first prediction after half of a batch is done is kept;
 * when the batch ends, it is compared with the time that the rest took.
 */
public final class BatchForecasts {
    private static final double HALF = 0.5;

    private final Map<String, Forecast> open = new HashMap<>();
    private Checked last;

    private record Forecast(Instant at, double secondsLeft) {}

    /**
     * A forecast whose batch has ended.
     *
     * @param predictedSeconds time left as it was shown half-way
     * @param actualSeconds what it took from then on
     */
    public record Checked(String batch, double predictedSeconds, double actualSeconds) {
        /** (predicted − actual) / actual: 0 is right, 1 is twice too long, −0.5 half too short. */
        public double errorRatio() {
            return (predictedSeconds - actualSeconds) / actualSeconds;
        }
    }

    /**
     * Takes what is shown for a batch that goes on.
     *
     * @param share of its jobs that have ended, 0 to 1
     */
    public void observe(String batch, double share, OptionalDouble secondsLeft, Instant now) {
        if (share >= HALF && secondsLeft.isPresent() && secondsLeft.getAsDouble() > 0) {
            open.putIfAbsent(batch, new Forecast(now, secondsLeft.getAsDouble()));
        }
    }

    /** Takes the end of a batch; null when there is nothing to compare or it was checked before. */
    public Checked ended(String batch, Instant endedAt) {
        Forecast forecast = open.remove(batch);
        if (forecast == null || endedAt == null) {
            return null;
        }
        double actual = Duration.between(forecast.at(), endedAt).toMillis() / 1000.0;
        if (actual <= 0) {
            return null;
        }
        last = new Checked(batch, forecast.secondsLeft(), actual);
        return last;
    }

    /** The last one checked, or null. */
    public Checked last() {
        return last;
    }
}
