package dev.millrace.worker.remote;

import java.util.random.RandomGenerator;

/**
 * Waits between attempts: exponential, with "equal jitter" (half fixed, half random), so that
 * requests that failed together do not come back together. Source: M. Brooker, "Exponential Backoff
 * And Jitter", AWS Architecture Blog, 2015.
 */
final class Backoff {
    private final RemoteConfig.Retry retry;
    private final RandomGenerator random;

    Backoff(RemoteConfig.Retry retry, RandomGenerator random) {
        this.retry = retry;
        this.random = random;
    }

    /**
     * Milliseconds to wait after a failed attempt.
     *
     * @param attempts attempts made so far, at least 1
     */
    long delayMs(int attempts) {
        int doublings = Math.min(attempts - 1, 30);
        long ceiling =
                Math.min(retry.maxDelay().toMillis(), retry.firstDelay().toMillis() << doublings);
        return ceiling / 2 + random.nextLong(ceiling / 2 + 1);
    }
}
