package dev.millrace.worker;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * All jobs between delivery and commit: those in the engine, and those finished and not yet committed. Bounded in count and
 * bytes by {@link RequestIntake}, which asks {@link #hasRoom} before each record. Owned by the worker's thread.
 */
final class JobBuffer {
    private final WorkerConfig config;
    private final WorkerLimits limits;
    private final Map<Long, InFlightJob> inEngine = new LinkedHashMap<>();
    private final TreeSet<InFlightJob> byDeadline = new TreeSet<>(
            Comparator.comparing((InFlightJob job) -> job.job().getDeadline()).thenComparing(job -> job.request().requestId()));
    private final List<FinishedJob> finished = new ArrayList<>();
    private long bytes;
    private long oldestFinishedMs;
    private boolean isFull;

    JobBuffer(WorkerConfig config, WorkerLimits limits) {
        this.config = config;
        this.limits = limits;
    }

    /** Room for one more record of this size; an empty buffer takes any size. */
    boolean hasRoom(int recordBytes) {
        return count() == 0 || count() < config.maxBufferedJobs() && bytes + recordBytes <= config.maxBufferedBytes();
    }

    /** True from the moment the buffer is full until a quarter of it is free again. */
    boolean isFull() {
        boolean overUpper = count() >= config.maxBufferedJobs() || bytes >= config.maxBufferedBytes();
        boolean overLower = count() > limits.resumeJobs() || bytes > limits.resumeBytes();
        isFull = overUpper || isFull && overLower;
        return isFull;
    }

    void submitted(InFlightJob job) {
        inEngine.put(job.request().requestId(), job);
        bytes += job.bytes();
        if (job.job().getDeadline() != null) {
            byDeadline.add(job);
        }
    }

    /** Takes a job out of the engine's part; null if it is not there, for example because its partition was revoked. */
    InFlightJob remove(long requestId) {
        InFlightJob job = inEngine.remove(requestId);
        if (job != null) {
            forget(job);
        }
        return job;
    }

    void finished(FinishedJob job, long nowMs) {
        job.ledger.finish(job.offset);
        if (finished.isEmpty()) {
            oldestFinishedMs = nowMs;
        }
        finished.add(job);
        bytes += job.bytes;
    }

    /** The job in the engine whose deadline has passed first, or null if none has. */
    InFlightJob nextOverdue(long nowMs) {
        if (byDeadline.isEmpty() || Instant.ofEpochMilli(nowMs).isBefore(byDeadline.first().job().getDeadline())) {
            return null;
        }
        return byDeadline.first();
    }

    /** Drops the jobs of revoked ledgers and returns those that the engine must abort. */
    List<InFlightJob> dropRevoked() {
        List<InFlightJob> toAbort = new ArrayList<>();
        for (Iterator<InFlightJob> jobs = inEngine.values().iterator(); jobs.hasNext(); ) {
            InFlightJob job = jobs.next();
            if (job.ledger().isRevoked()) {
                jobs.remove();
                forget(job);
                toAbort.add(job);
            }
        }
        for (FinishedJob job : finished) {
            bytes -= job.ledger.isRevoked() ? job.bytes : 0;
        }
        finished.removeIf(job -> job.ledger.isRevoked());
        return toAbort;
    }

    /** Empties the engine's part and returns what was in it. */
    List<InFlightJob> removeAllInEngine() {
        List<InFlightJob> all = new ArrayList<>(inEngine.values());
        inEngine.clear();
        all.forEach(this::forget);
        return all;
    }

    /** The commit of all finished jobs has succeeded. */
    void clearFinished() {
        for (FinishedJob job : finished) {
            bytes -= job.bytes;
        }
        finished.clear();
    }

    List<FinishedJob> finished() {
        return finished;
    }

    /** When the oldest of the finished jobs ended; only meaningful while there is one. */
    long oldestFinishedMs() {
        return oldestFinishedMs;
    }

    int count() {
        return inEngine.size() + finished.size();
    }

    int numInEngine() {
        return inEngine.size();
    }

    long bytes() {
        return bytes;
    }

    private void forget(InFlightJob job) {
        bytes -= job.bytes();
        if (job.job().getDeadline() != null) {
            byDeadline.remove(job);
        }
    }
}
