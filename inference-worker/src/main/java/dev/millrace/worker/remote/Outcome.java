package dev.millrace.worker.remote;

import java.util.Locale;

/** How one attempt ended, as the metrics tell it. */
enum Outcome {
    ANSWERED,
    REFUSED,
    RATE_LIMITED,
    SERVER_ERROR,
    TIMEOUT,
    CONNECTION,
    MALFORMED,
    CANCELLED;

    String tag() {
        return name().toLowerCase(Locale.ROOT);
    }
}
