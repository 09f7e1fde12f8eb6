package dev.millrace.worker.remote;

/**
 * Leaves a server alone that fails again and again (M. Nygard, "Release It!").
 *
 * <pre>
 * CLOSED ──failures in a row──▶ OPEN ──pause over──▶ HALF_OPEN (one probe) ──answered──▶ CLOSED, on probation
 *                                ▲                        │
 *                                └──────no answer─────────┘   the pause doubles, up to eight times the first
 * </pre>
 *
 * On probation one failure is enough to open it again. The probe is no job, so an outage costs no
 * job its attempts.
 */
final class CircuitBreaker {
    enum State {
        CLOSED,
        HALF_OPEN,
        OPEN
    }

    private static final int MAX_PAUSE_FACTOR = 8;

    private final int failuresToOpen;
    private final long firstPauseMs;
    private State state = State.CLOSED;
    private int failuresInARow;
    private long pauseMs;
    private long openUntilMs;

    CircuitBreaker(RemoteConfig.Breaker settings) {
        failuresToOpen = settings.failures();
        firstPauseMs = settings.pause().toMillis();
        pauseMs = firstPauseMs;
    }

    State state() {
        return state;
    }

    /** The server has answered a request in good order. */
    void success() {
        if (state == State.CLOSED) {
            failuresInARow = 0;
            pauseMs = firstPauseMs;
        }
    }

    /**
     * The server has failed. True when that opened the breaker; what fails while it is open tells
     * nothing new.
     */
    boolean failure(long nowMs) {
        if (state != State.CLOSED || ++failuresInARow < failuresToOpen) {
            return false;
        }
        open(nowMs);
        return true;
    }

    /** Whether it is time to probe; if so, the caller must do it and report by {@link #probed}. */
    boolean beginProbe(long nowMs) {
        if (state != State.OPEN || nowMs < openUntilMs) {
            return false;
        }
        state = State.HALF_OPEN;
        return true;
    }

    /** How the probe went. */
    void probed(boolean isWell, long nowMs) {
        if (isWell) {
            state = State.CLOSED;
            failuresInARow = failuresToOpen - 1;
        } else {
            open(nowMs);
        }
    }

    private void open(long nowMs) {
        state = State.OPEN;
        openUntilMs = nowMs + pauseMs;
        pauseMs = Math.min(pauseMs * 2, firstPauseMs * MAX_PAUSE_FACTOR);
    }
}
