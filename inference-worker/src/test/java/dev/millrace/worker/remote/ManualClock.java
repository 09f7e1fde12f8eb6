package dev.millrace.worker.remote;

import java.time.Instant;
import java.time.InstantSource;

/** A clock that stands still until a test moves it. */
final class ManualClock implements InstantSource {
    private long nowMs = 1_700_000_000_000L;

    @Override
    public Instant instant() {
        return Instant.ofEpochMilli(nowMs);
    }

    @Override
    public long millis() {
        return nowMs;
    }

    void advance(long ms) {
        nowMs += ms;
    }
}
