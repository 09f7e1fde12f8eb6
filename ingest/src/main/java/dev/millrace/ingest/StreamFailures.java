package dev.millrace.ingest;

import dev.millrace.schemas.registry.RegistryUnavailableException;

import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.locks.LockSupport;

/**
 * What to do when a stream thread dies: start another after a pause if the cause may pass by
 * itself, else stop the application. Either way nothing is lost: the open transaction is aborted,
 * and its records are read again.
 *
 * <pre>
 * retry   the registry or a broker does not answer; another producer took the transactional id over
 * fatal   all else: wrong credentials, missing topics, a schema that the registry refuses, a defect
 * </pre>
 */
final class StreamFailures implements StreamsUncaughtExceptionHandler {
    private static final Logger LOG = LoggerFactory.getLogger(StreamFailures.class);
    private static final Duration PAUSE_MIN = Duration.ofMillis(500);
    private static final Duration PAUSE_MAX = Duration.ofSeconds(10);

    /** A failure this long after the one before starts with the shortest pause again. */
    private static final Duration CALM = Duration.ofMinutes(1);

    private final InstantSource clock;
    private volatile Throwable fatal;
    private long lastFailureMs = Long.MIN_VALUE / 2;
    private Duration pause = PAUSE_MIN;

    StreamFailures(InstantSource clock) {
        this.clock = clock;
    }

    @Override
    public StreamThreadExceptionResponse handle(Throwable exception) {
        if (!isRetriable(exception)) {
            fatal = exception;
            LOG.error("Ingest stops: {}", rootMessage(exception), exception);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        }
        Duration wait = nextPause();
        LOG.warn(
                "Ingest pauses for {} ms and tries again: {}",
                wait.toMillis(),
                rootMessage(exception));
        // The dying thread itself calls this, so the pause holds nobody else up.
        LockSupport.parkNanos(wait.toNanos());
        return StreamThreadExceptionResponse.REPLACE_THREAD;
    }

    /** What stopped the application, or null. */
    Throwable fatal() {
        return fatal;
    }

    static boolean isRetriable(Throwable exception) {
        for (Throwable cause = exception; cause != null; cause = cause.getCause()) {
            if (cause instanceof RegistryUnavailableException
                    || cause instanceof RetriableException
                    || cause instanceof ProducerFencedException
                    || cause instanceof InvalidProducerEpochException
                    || cause instanceof InvalidPidMappingException) {
                return true;
            }
        }
        return false;
    }

    synchronized Duration nextPause() {
        long nowMs = clock.millis();
        boolean calm = nowMs - lastFailureMs > CALM.toMillis();
        pause = calm ? PAUSE_MIN : pause.multipliedBy(2);
        pause = pause.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : pause;
        lastFailureMs = nowMs;
        return pause;
    }

    private static String rootMessage(Throwable exception) {
        Throwable root = exception;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root.getClass().getSimpleName() + ": " + root.getMessage();
    }
}
