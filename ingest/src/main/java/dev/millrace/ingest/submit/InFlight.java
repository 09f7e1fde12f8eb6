package dev.millrace.ingest.submit;

import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.common.errors.RecordTooLargeException;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The jobs that were sent and not yet acknowledged: at most so many, and what became of them. The
 * producer's thread ends them.
 */
final class InFlight {
    /**
     * What is kept of a job in flight; the job itself lies in the producer's bounded buffer only.
     */
    record Sent(long line, String customId, String model) {}

    private final int max;
    private final Semaphore free;
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private final Queue<Sent> tooLarge = new ConcurrentLinkedQueue<>();

    InFlight(int max) {
        this.max = max;
        this.free = new Semaphore(max);
    }

    /** Waits for a free place, and gives the callback that frees it again. */
    Callback enter(Sent sent) throws InterruptedException {
        free.acquire();
        return (metadata, error) -> {
            if (error == null) {
                acknowledged.incrementAndGet();
            } else if (error instanceof RecordTooLargeException) {
                tooLarge.add(sent);
            } else {
                failure.compareAndSet(null, error);
            }
            free.release();
        };
    }

    /**
     * Waits until nothing is in flight. The producer ends every send within its delivery timeout.
     */
    void awaitNone() throws InterruptedException {
        free.acquire(max);
        free.release(max);
    }

    /** A job that the topic refused for its size, or null. */
    Sent nextTooLarge() {
        return tooLarge.poll();
    }

    long acknowledged() {
        return acknowledged.get();
    }

    /** The first failure that stops the submission, or null. */
    Exception failure() {
        return failure.get();
    }
}
