package dev.millrace.ops.status;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * Rates of counters that are looked at again and again: change over the last half minute, per key.
 */
public final class RateEstimator {
    private static final Duration WINDOW = Duration.ofSeconds(30);

    private record Sample(Instant at, long count) {}

    private final Map<String, Deque<Sample>> samples = new HashMap<>();

    /** The next sample of a key is its first. */
    public void forget(String key) {
        samples.remove(key);
    }

    /** Forgets all keys but those that are wanted. */
    public void retain(java.util.function.Predicate<String> wanted) {
        samples.keySet().removeIf(key -> !wanted.test(key));
    }

    /**
     * Takes a sample and says the rate per second over the window; empty until there are two
     * samples at different times. A counter that fell was started anew, and so is its window.
     */
    public OptionalDouble sample(String key, long count, Instant at) {
        Deque<Sample> window = samples.computeIfAbsent(key, k -> new ArrayDeque<>());
        if (!window.isEmpty() && count < window.getLast().count()) {
            window.clear();
        }
        window.addLast(new Sample(at, count));
        while (window.size() > 2 && window.getFirst().at().isBefore(at.minus(WINDOW))) {
            window.removeFirst();
        }
        Sample first = window.getFirst();
        double seconds = Duration.between(first.at(), at).toMillis() / 1000.0;
        return seconds > 0
                ? OptionalDouble.of((count - first.count()) / seconds)
                : OptionalDouble.empty();
    }
}
