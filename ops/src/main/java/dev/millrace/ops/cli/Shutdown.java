package dev.millrace.ops.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * Turns Ctrl-C and SIGTERM into an orderly end: the JVM waits until the command has drained and
 * closed.
 */
final class Shutdown {
    private static final Duration LOOK_EVERY = Duration.ofMillis(100);

    private final CountDownLatch requested = new CountDownLatch(1);
    private final CountDownLatch closed = new CountDownLatch(1);

    private Shutdown() {}

    /** From now on a signal is a request; the process ends after {@link #done}. */
    static Shutdown onSignal() {
        Shutdown shutdown = new Shutdown();
        Runtime.getRuntime()
                .addShutdownHook(
                        new Thread(
                                () -> {
                                    shutdown.requested.countDown();
                                    try {
                                        shutdown.closed.await();
                                    } catch (InterruptedException e) {
                                        Thread.currentThread().interrupt();
                                    }
                                },
                                "shutdown"));
        return shutdown;
    }

    /** Waits up to a time for a role to end; true once it has. */
    interface EndOfRole {
        boolean await(Duration timeout) throws InterruptedException;
    }

    /** Waits for a signal, or until a role has ended by itself. */
    void awaitOr(EndOfRole role) throws InterruptedException {
        while (requested.getCount() > 0 && !role.await(LOOK_EVERY)) {
            // The role's own wait is the pause between two looks.
        }
    }

    /** Lets the process end. */
    void done() {
        closed.countDown();
    }
}
